"""Only an API key of a tenant's own partition proves that tenant, and only while it is valid.

`test_routes.py` attacks every route with a key as credential, `test_stores.py` the table of keys with a session.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tools.attacks import Target, refusal
from tools.attacks.forged_keys import digest, in_seconds, rekeyed, with_checksum
from tools.devstack.aws import Account, Tenant
from tools.devstack.client import Api
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import STAGE, LocalStack

KEYS, TEMPLATES = "/v1/keys", "/v1/templates"
_SECRET_CHARACTERS = 72


@pytest.fixture(scope="module")
def admin(stack: LocalStack, clinic: Tenant) -> Api:
    return stack.api(clinic)


@pytest.fixture
def create(admin: Api) -> Iterator[Callable[..., Any]]:
    """Creates keys of the clinic, and deletes them after the test."""
    made: list[str] = []

    def create(role: str = "reader", **more: Any) -> Any:
        key = admin.post(KEYS, {"name": "Attacked", "role": role, **more}).expect(201)
        made.append(key["id"])
        return key

    yield create
    for each in made:
        admin.delete(f"{KEYS}/{each}")


def _use(stack: LocalStack, key: str) -> int:
    return stack.api(token=key).get(TEMPLATES).status


# ── forged keys ───────────────────────────────────────────────────────────────


def _other_character(key: str, at: int) -> str:
    return key[:at] + ("0" if key[at] != "0" else "1") + key[at + 1 :]


FORGERIES: dict[str, Callable[[str, str], str]] = {
    "a changed secret": lambda key, other: _other_character(key, len(key) - 40),
    "a changed secret with its checksum": lambda key, other: rekeyed(key, secret="f" * 64),
    "a changed checksum": lambda key, other: _other_character(key, len(key) - 1),
    "a truncated key": lambda key, other: key[:-1],
    "a truncated secret with its checksum": lambda key, other: with_checksum(key[:-9]),
    "an extended key": lambda key, other: key + "0",
    "a key in capitals": lambda key, other: key.upper(),
    "another stage": lambda key, other: rekeyed(key, stage="prod"),
    "another stage without a checksum": lambda key, other: key.replace("bk_local_", "bk_prod_"),
    "another tenant": lambda key, other: rekeyed(key, tenant=other),
    "another tenant without a checksum": lambda key, other: key.replace(key.split("_")[2], other),
    "a tenant that does not exist": lambda key, other: rekeyed(key, tenant="0" * 32),
    "another id": lambda key, other: rekeyed(key, identity="0" * 16),
    "only the form": lambda key, other: with_checksum("_".join(key.split("_")[:4]) + "_" + "0" * 64),
    "a second bearer": lambda key, other: f"{key} {key}",
}


@pytest.mark.parametrize("what", FORGERIES)
def test_forged_key_is_refused(stack: LocalStack, bicycles: Tenant, create: Callable[..., Any], what: str) -> None:
    key = create("admin")["key"]
    forged = FORGERIES[what](key, bicycles.id)
    assert forged != key
    problem(stack.api(token=forged).get(TEMPLATES), 401)
    # The control: the key that the forgery was made of.
    assert _use(stack, key) == 200


def test_key_of_a_tenant_with_the_tenant_of_another_reads_nothing_of_it(
    stack: LocalStack, bicycles: Tenant, create: Callable[..., Any]
) -> None:
    """Also if both tenants have a key with the same id: the digest covers the tenant."""
    key = create("admin")
    forged = rekeyed(key["key"], tenant=bicycles.id)
    table, dynamodb = stack.outputs["ApiKeysTable"], stack.account.client("dynamodb")
    mine = {"pk": {"S": f"TENANT#{key['key'].split('_')[2]}"}, "sk": {"S": f"KEY#{key['id']}"}}
    copy = dynamodb.get_item(TableName=table, Key=mine)["Item"] | {"pk": {"S": bicycles.partition}}
    dynamodb.put_item(TableName=table, Item=copy)
    try:
        problem(stack.api(token=forged).get(TEMPLATES), 401)
        assert _use(stack, key["key"]) == 200
    finally:
        dynamodb.delete_item(TableName=table, Key={"pk": copy["pk"], "sk": copy["sk"]})


def test_key_of_another_stage_is_refused_also_if_its_digest_is_stored(
    stack: LocalStack, create: Callable[..., Any]
) -> None:
    """As after a restore of another stage's table."""
    for stage, status in (("prod", 401), (STAGE, 200)):
        key = create()
        other = rekeyed(key["key"], stage=stage, secret="d" * 64)
        stack.account.client("dynamodb").update_item(
            TableName=stack.outputs["ApiKeysTable"],
            Key={"pk": {"S": f"TENANT#{key['key'].split('_')[2]}"}, "sk": {"S": f"KEY#{key['id']}"}},
            UpdateExpression="SET digest = :d",
            ExpressionAttributeValues={":d": {"B": digest(other)}},
        )
        assert _use(stack, other) == status


@pytest.mark.parametrize("damage", ["key_role", "digest", "expires_at"])
def test_damaged_item_is_a_fault_and_not_a_right(stack: LocalStack, create: Callable[..., Any], damage: str) -> None:
    key = create(expires_at=in_seconds(3600))
    table, dynamodb = stack.outputs["ApiKeysTable"], stack.account.client("dynamodb")
    dynamodb.update_item(
        TableName=table,
        Key={"pk": {"S": f"TENANT#{key['key'].split('_')[2]}"}, "sk": {"S": f"KEY#{key['id']}"}},
        UpdateExpression="SET #damaged = :x",
        ExpressionAttributeNames={"#damaged": damage},
        ExpressionAttributeValues={":x": {"S": "damaged"}},
    )
    assert _use(stack, key["key"]) == 503


# ── the end of a key ──────────────────────────────────────────────────────────


def test_deleted_key_is_refused(stack: LocalStack, admin: Api, create: Callable[..., Any]) -> None:
    gone, stays = create(), create()
    admin.delete(f"{KEYS}/{gone['id']}").expect(204)
    problem(stack.api(token=gone["key"]).get(TEMPLATES), 401)
    assert _use(stack, stays["key"]) == 200


def test_deleted_key_in_use_ends_within_the_cache_time(
    stack: LocalStack, admin: Api, create: Callable[..., Any]
) -> None:
    """API Gateway caches the authorizer's answer for 60 seconds."""
    key = create()
    assert _use(stack, key["key"]) == 200
    admin.delete(f"{KEYS}/{key['id']}").expect(204)
    began = time.monotonic()
    until(lambda: _use(stack, key["key"]), lambda status: status == 401, "the deleted key is refused", 70, 1.0)
    assert time.monotonic() - began < 62


def test_expired_key_is_refused(stack: LocalStack, create: Callable[..., Any]) -> None:
    short, long = create(expires_at=in_seconds(2)), create(expires_at=in_seconds(3600))
    time.sleep(2.1)
    problem(stack.api(token=short["key"]).get(TEMPLATES), 401)
    assert _use(stack, long["key"]) == 200


def test_rotated_secret_ends_at_once_or_after_the_overlap(
    stack: LocalStack, admin: Api, create: Callable[..., Any]
) -> None:
    first = create()
    at_once = admin.post(f"{KEYS}/{first['id']}/rotate", {}).expect(200)
    problem(stack.api(token=first["key"]).get(TEMPLATES), 401)
    overlapping = admin.post(f"{KEYS}/{first['id']}/rotate", {"overlap_seconds": 2}).expect(200)
    assert _use(stack, overlapping["key"]) == 200
    time.sleep(2.1)
    problem(stack.api(token=at_once["key"]).get(TEMPLATES), 401)
    # The control: within the overlap both secrets work; an older one does not.
    control = create()
    newer = admin.post(f"{KEYS}/{control['id']}/rotate", {"overlap_seconds": 600}).expect(200)
    assert [_use(stack, each["key"]) for each in (control, newer)] == [200, 200]
    oldest = create()
    middle = admin.post(f"{KEYS}/{oldest['id']}/rotate", {"overlap_seconds": 600}).expect(200)
    newest = admin.post(f"{KEYS}/{oldest['id']}/rotate", {"overlap_seconds": 600}).expect(200)
    assert [_use(stack, each["key"]) for each in (oldest, middle, newest)] == [401, 200, 200]


def test_key_of_a_suspended_tenant_is_refused(stack: LocalStack) -> None:
    tenant = stack.onboard("Suspended with keys")
    make = lambda: stack.api(tenant).post(KEYS, {"name": "x", "role": "admin"}).expect(201)["key"]  # noqa: E731
    before, after = make(), make()
    stack.control("suspend", tenant=tenant.id)
    problem(stack.api(token=before).get(TEMPLATES), 403)
    stack.control("resume", tenant=tenant.id)
    assert _use(stack, after) == 200


# ── the role of a key ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("role", "statuses"), [("reader", (200, 403, 403)), ("writer", (200, 200, 403)), ("admin", (200, 200, 200))]
)
def test_key_may_do_what_its_role_allows(
    stack: LocalStack, admin: Api, create: Callable[..., Any], role: str, statuses: tuple[int, ...]
) -> None:
    admin.save_template("by-key", "text")
    api = stack.api(token=create(role)["key"])
    calls = (api.get(TEMPLATES), api.put(f"{TEMPLATES}/by-key", {"body": role}), api.get(KEYS))
    assert tuple(each.status for each in calls) == statuses


@pytest.mark.parametrize("role", ["reader", "writer"])
def test_key_cannot_create_or_change_a_key(
    stack: LocalStack, admin: Api, create: Callable[..., Any], role: str
) -> None:
    key = create(role)
    api, path = stack.api(token=key["key"]), f"{KEYS}/{key['id']}"
    for answer in (
        api.post(KEYS, {"name": "Higher", "role": "admin"}),
        api.post(f"{path}/rotate", {"overlap_seconds": 60}),
        api.get(path),
        api.delete(path),
    ):
        assert problem(answer, 403)["type"] == "urn:bulkhead:problem:role-required"
    assert admin.get(path).expect(200)["role"] == role


def test_subject_of_a_key_cannot_be_claimed_by_a_token(
    stack: LocalStack, clinic: Tenant, create: Callable[..., Any]
) -> None:
    key = create("writer")
    by_key = stack.api(token=key["key"]).save_template("authored-by-key", "text")
    assert by_key["created_by"] == f"key:{key['id']}"
    claims = {**stack.issuer.claims(clinic.id), "sub": f"key:{key['id']}"}
    by_token = stack.api(token=stack.issuer.sign(claims)).save_template("authored-by-key", "text")
    assert by_token["created_by"] is None


# ── the authorizer ────────────────────────────────────────────────────────────


def test_authorizer_reads_single_keys_and_writes_none(
    stack: LocalStack, clinic: Tenant, clinic_target: Target, create: Callable[..., Any]
) -> None:
    key = create()
    dynamodb, table = stack.role_of("AuthorizerFunction").client("dynamodb"), stack.outputs["ApiKeysTable"]
    item = {"pk": {"S": clinic.partition}, "sk": {"S": f"KEY#{key['id']}"}}
    found = dynamodb.get_item(TableName=table, Key=item)["Item"]
    assert key["name"] not in str(found) and key["key"][-_SECRET_CHARACTERS:] not in str(found)
    changes = {"UpdateExpression": "SET key_role = :r", "ExpressionAttributeValues": {":r": {"S": "admin"}}}
    for what, call in (
        ("writing a key", lambda: dynamodb.put_item(TableName=table, Item=item)),
        ("changing a key", lambda: dynamodb.update_item(TableName=table, Key=item, **changes)),
        ("deleting a key", lambda: dynamodb.delete_item(TableName=table, Key=item)),
        ("listing all keys", lambda: dynamodb.scan(TableName=table)),
        (
            "listing a tenant's keys",
            lambda: dynamodb.query(
                TableName=table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": clinic.partition}},
            ),
        ),
        ("reading tenant data", lambda: dynamodb.get_item(TableName=clinic_target.table, Key=clinic_target.key())),
    ):
        refusal(what, call)


# ── secrets ───────────────────────────────────────────────────────────────────


def test_secret_is_in_no_log_and_no_table(
    stack: LocalStack, clinic_session: Account, clinic: Tenant, admin: Api, create: Callable[..., Any]
) -> None:
    """Access logs, the functions' logs, and the table of keys. Also of refused keys."""
    since = time.time() - 1
    key = create("admin", name="Secret")
    rotated = admin.post(f"{KEYS}/{key['id']}/rotate", {"overlap_seconds": 60}).expect(200)
    forged = rekeyed(key["key"], secret="e" * 64)
    presented = [key["key"], rotated["key"], forged, _other_character(key["key"], 100)]
    assert [_use(stack, each) for each in presented] == [200, 200, 401, 401]
    used = stack.api(token=rotated["key"])
    problem(used.put(f"{TEMPLATES}/broken", {"body": "{{ 1 / 0 }}"}), 422)
    until(
        lambda: [line for _, line in stack.log_lines(since=since) if "token refused" in line],
        lambda lines: len(lines) >= 2,
        "the log of the refusals",
    )
    secrets = {each[-_SECRET_CHARACTERS:] for each in presented}
    lines = [line for _, line in stack.log_lines(since=since)]
    assert any(clinic.id in line for line in lines), "the logs of the run are not found"
    leaked = [line for line in lines for secret in secrets if secret[:32] in line]
    assert not leaked, leaked
    stored = clinic_session.client("dynamodb").query(
        TableName=stack.outputs["ApiKeysTable"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": clinic.partition}},
    )["Items"]
    assert stored and not [each for each in stored for secret in secrets if secret[:32] in str(each)]
    assert "Secret" not in str(stored), "the name is sealed"


def test_answers_after_the_creation_show_no_secret(admin: Api, create: Callable[..., Any]) -> None:
    key = create()
    secret = key["key"][-_SECRET_CHARACTERS:]
    for answer in (admin.get(KEYS), admin.get(f"{KEYS}/{key['id']}")):
        assert answer.status == 200 and secret not in answer.text and "digest" not in answer.text


# ── the maximum ───────────────────────────────────────────────────────────────


def test_maximum_is_exact_under_concurrent_calls(stack: LocalStack) -> None:
    from concurrent.futures import ThreadPoolExecutor

    api = stack.api(stack.onboard("Many keys"))
    made = [api.post(KEYS, {"name": str(number), "role": "reader"}).expect(201)["id"] for number in range(96)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: api.post(KEYS, {"name": f"late {n}", "role": "reader"}), range(8)))
    created = [each.json["id"] for each in answers if each.status == 201]
    assert {each.status for each in answers} <= {201, 409, 429}
    while len(created) < 4:
        created.append(api.post(KEYS, {"name": "last", "role": "reader"}).expect(201)["id"])
    assert len(created) == 4 and len(api.get(KEYS).expect(200)["keys"]) == 100
    problem(api.post(KEYS, {"name": "one more", "role": "reader"}), 409)
    # A deletion makes room for exactly one.
    api.delete(f"{KEYS}/{made[0]}").expect(204)
    problem(api.delete(f"{KEYS}/{made[0]}"), 404)
    api.post(KEYS, {"name": "again", "role": "reader"}).expect(201)
    problem(api.post(KEYS, {"name": "one more", "role": "reader"}), 409)
