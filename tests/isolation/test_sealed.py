"""A sealed value opens only for its tenant, at its address.

The attacker here writes to the table as the account's root and moves ciphertexts. Every kind of tampering
ends in an answer 500 without details, and in a metric whose `Reason` names the kind for operators.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tools.attacks import Target
from tools.attacks.sealing import authenticated, seal
from tools.devstack.aws import Account, Tenant
from tools.devstack.client import Api
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

SECRET = "The clinic's own words, sealed."


@pytest.fixture
def secret(stack: LocalStack, clinic: Tenant) -> dict[str, Any]:
    """The clinic's item as stored in the table."""
    stack.api(clinic).save_template("sealed-secret", SECRET)
    return Target.of(stack, clinic).item("VERSION#sealed-secret#")


@pytest.fixture
def overwritten(stack: LocalStack, bicycles: Tenant) -> Iterator[tuple[Api, dict[str, Any]]]:
    """An item of the bicycles that root will overwrite, and the API to read it."""
    api = stack.api(bicycles)
    version = api.save_template("overwritten", "The bicycles' own words.")["version"]
    target = Target.of(stack, bicycles)
    yield api, target.item(f"VERSION#overwritten#{version:08}")
    api.delete("/v1/templates/overwritten").expect(204)


ReadMustFail = Callable[[Api, str], str]
# Where a sealed value keeps the hash of its address.
_DIGEST = slice(7, 23)
_VALID = b'{"body":"Sealed by the book.","description":null}'


@pytest.fixture
def read_must_fail(stack: LocalStack) -> Callable[[Api, str], str]:
    """Reads the overwritten prompt template, which must fail, and returns the answer's text.

    The metric must count the failure once, under `reason`.
    """

    def read(api: Api, reason: str) -> str:
        since_request = time.time()
        answer = api.get("/v1/templates/overwritten")
        problem(answer, 500)
        until(
            lambda: _count_broken_seals(stack, reason, since_request), lambda count: count == 1, f"{reason} is counted"
        )
        return answer.text

    return read


def _count_broken_seals(stack: LocalStack, reason: str, since: float) -> int:
    """Returns how often the functions counted a broken seal for `reason` since then."""
    lines = stack.log_lines(stack.outputs["BasicFunctionLog"], since)
    return sum('"SealBroken":1' in line and f'"Reason":"{reason}"' in line for _, line in lines)


def _sealed_name(item: dict[str, Any]) -> str:
    return next(name for name, value in item.items() if "B" in value)


def _overwrite(stack: LocalStack, item: dict[str, Any], sealed: bytes) -> None:
    changed = {**item, _sealed_name(item): {"B": sealed}}
    stack.account.client("dynamodb").put_item(TableName=stack.outputs["DataTable"], Item=changed)


def test_stored_template_is_not_readable_in_the_table(secret: dict[str, Any]) -> None:
    assert SECRET.encode() not in secret[_sealed_name(secret)]["B"]
    assert SECRET not in str(secret)


def test_vector_metadata_contains_no_readable_text(stack: LocalStack, clinic: Tenant, clinic_target: Target) -> None:
    vectors = stack.account.client("s3vectors").get_vectors(
        **clinic_target.index, keys=list(clinic_target.vectors), returnMetadata=True
    )["vectors"]
    assert vectors, "the clinic has no vectors; the test proves nothing"
    for each in vectors:
        assert "Skerrow" not in str(each["metadata"]) and "clinic" not in str(each["metadata"]).lower()


def test_another_tenants_value_does_not_open_in_an_own_item(
    stack: LocalStack, secret: dict[str, Any], overwritten: tuple[Api, dict[str, Any]], read_must_fail: ReadMustFail
) -> None:
    api, item = overwritten
    _overwrite(stack, item, secret[_sealed_name(secret)]["B"])
    assert SECRET not in read_must_fail(api, "seal_moved")


def test_another_tenants_value_with_a_forged_address_does_not_open(
    stack: LocalStack, secret: dict[str, Any], overwritten: tuple[Api, dict[str, Any]], read_must_fail: ReadMustFail
) -> None:
    """The hash of the address is public. With a forged hash KMS refuses the data key."""
    api, item = overwritten
    own, foreign = (bytes(each[_sealed_name(each)]["B"]) for each in (item, secret))
    forged = foreign[: _DIGEST.start] + own[_DIGEST] + foreign[_DIGEST.stop :]
    assert forged[_DIGEST] == hashlib.sha256(_address(stack, item)).digest()[:16]
    _overwrite(stack, item, forged)
    assert SECRET not in read_must_fail(api, "seal_foreign_context")


def test_own_value_does_not_open_at_another_address(
    stack: LocalStack, overwritten: tuple[Api, dict[str, Any]], read_must_fail: ReadMustFail
) -> None:
    api, item = overwritten
    api.save_template("elsewhere", "At home elsewhere.")
    moved = Target.of(stack, _tenant_of(stack, item)).item("VERSION#elsewhere#")
    _overwrite(stack, item, moved[_sealed_name(moved)]["B"])
    assert "At home" not in read_must_fail(api, "seal_moved")


def test_old_version_is_not_served_as_the_current_one(
    stack: LocalStack, overwritten: tuple[Api, dict[str, Any]], read_must_fail: ReadMustFail
) -> None:
    api, old = overwritten
    version = api.save_template("overwritten", "Newer words.")["version"]
    new = Target.of(stack, _tenant_of(stack, old)).item(f"VERSION#overwritten#{version:08}")
    _overwrite(stack, new, old[_sealed_name(old)]["B"])
    assert "own words" not in read_must_fail(api, "seal_moved")


def test_labels_of_another_tenant_or_prompt_template_do_not_open(
    stack: LocalStack, clinic: Tenant, overwritten: tuple[Api, dict[str, Any]], read_must_fail: ReadMustFail
) -> None:
    """Labels are sealed in the head of their prompt template. The control is the read before each change."""
    api, item = overwritten
    owner, tenant = stack.api(clinic), _tenant_of(stack, item)
    new = {"If-None-Match": "*"}
    for saved, key in ((owner, "labels-theirs"), (api, "labels-elsewhere")):
        version = saved.save_template(key, "Labelled.")["version"]
        saved.put(f"/v1/templates/{key}/labels/production", {"version": version}, headers=new).expect(201)
    version = int(item["sk"]["S"].rsplit("#", 1)[1])
    api.put("/v1/templates/overwritten/labels/production", {"version": version}, headers=new).expect(201)
    head = Target.of(stack, tenant).item("TEMPLATE#overwritten")
    for other, key in ((clinic, "labels-theirs"), (tenant, "labels-elsewhere")):
        assert api.get("/v1/templates/overwritten?label=production").expect(200)["version"] == version
        since = time.time()
        moved = Target.of(stack, other).item(f"TEMPLATE#{key}")
        _overwrite(stack, head, moved[_sealed_name(moved)]["B"])
        problem(api.get("/v1/templates/overwritten?label=production"), 500)
        problem(api.get("/v1/templates/overwritten/labels"), 500)
        until(lambda: _count_broken_seals(stack, "seal_moved", since), lambda n: n == 2, "counted")  # noqa: B023
        stack.account.client("dynamodb").put_item(TableName=stack.outputs["DataTable"], Item=head)


def test_records_of_inferences_are_sealed_in_their_place(stack: LocalStack, clinic: Tenant, bicycles: Tenant) -> None:
    """The control is the read before each change."""
    api, owner = stack.api(bicycles), stack.api(clinic)

    def record(asking: Api, tenant: Tenant, question: str) -> tuple[str, dict[str, Any]]:
        asking.save_template("recorded", "Answer.")
        body = {"template": "recorded", "question": question, "store": True}
        made = asking.post("/v1/inference", body).expect(200)["id"]
        return f"/v1/inferences/{made}", Target.of(stack, tenant).item(f"INFERENCE#{made}")

    path, item = record(api, bicycles, "What is a sprocket?")
    _, elsewhere = record(api, bicycles, "What is a saddle?")
    _, theirs = record(owner, clinic, "What is a scalpel?")
    assert "sprocket" not in str(item) and b"sprocket" not in bytes(item[_sealed_name(item)]["B"])
    for moved in (elsewhere, theirs):
        assert "sprocket" in str(api.get(path).expect(200)["content"])
        since = time.time()
        _overwrite(stack, item, moved[_sealed_name(moved)]["B"])
        assert "scalpel" not in str(problem(api.get(path), 500))
        until(lambda: _count_broken_seals(stack, "seal_moved", since), lambda n: n == 1, "counted")  # noqa: B023
        stack.account.client("dynamodb").put_item(TableName=stack.outputs["DataTable"], Item=item)


def test_external_id_opens_only_in_its_record(stack: LocalStack, clinic: Tenant, bicycles: Tenant) -> None:
    """The title and the external id are separate sealed attributes. The control is the read before each change."""
    page = {"title": "Moved", "content_type": "text/plain", "content": "A page."}
    api, owner = stack.api(bicycles), stack.api(clinic)
    path = "/v1/external-ids"
    made = api.put(f"{path}/moved:1", page).expect(202)["id"]
    elsewhere = api.put(f"{path}/moved:2", page).expect(202)["id"]
    theirs = owner.put(f"{path}/moved:1", page).expect(202)["id"]
    record, other = (Target.of(stack, bicycles).item(f"DOCUMENT#{each}") for each in (made, elsewhere))
    foreign = Target.of(stack, clinic).item(f"DOCUMENT#{theirs}")
    table = stack.account.client("dynamodb")
    for moved in (other["external_id"], foreign["external_id"], record["sealed"]):
        assert api.get(f"/v1/documents/{made}").expect(200)["external_id"] == "moved:1"
        table.update_item(
            TableName=stack.outputs["DataTable"],
            Key={"pk": record["pk"], "sk": record["sk"]},
            UpdateExpression="SET external_id = :moved",
            ExpressionAttributeValues={":moved": moved},
        )
        problem(api.get(f"/v1/documents/{made}"), 500)
        problem(api.get(f"{path}/moved:1"), 500)
        table.update_item(
            TableName=stack.outputs["DataTable"],
            Key={"pk": record["pk"], "sk": record["sk"]},
            UpdateExpression="SET external_id = :own",
            ExpressionAttributeValues={":own": record["external_id"]},
        )
    # An item that names another document of the tenant gives the id to no document.
    items = Target.of(stack, bicycles).items
    named = next(each for each in items if each["sk"]["S"].startswith("EXTERNAL#") and each["document"]["S"] == made)
    table.put_item(TableName=stack.outputs["DataTable"], Item={**named, "document": {"S": elsewhere}})
    problem(api.get(f"{path}/moved:1"), 404)
    for caller, document in ((api, made), (api, elsewhere), (owner, theirs)):
        caller.delete(f"/v1/documents/{document}").expect(204)


def test_value_moved_to_another_attribute_does_not_open(
    stack: LocalStack,
    bicycles_session: Account,
    bicycles_target: Target,
    overwritten: tuple[Api, dict[str, Any]],
    read_must_fail: ReadMustFail,
) -> None:
    api, item = overwritten
    address = _address(stack, item, attribute="other")
    _overwrite(stack, item, seal(bicycles_session, bicycles_target, "template", address, _VALID))
    assert "by the book" not in read_must_fail(api, "seal_moved")


def test_value_sealed_for_another_purpose_does_not_open(
    stack: LocalStack,
    bicycles_session: Account,
    bicycles_target: Target,
    overwritten: tuple[Api, dict[str, Any]],
    read_must_fail: ReadMustFail,
) -> None:
    """The address is right and names the purpose `template`; the data key was made for `document`."""
    api, item = overwritten
    address = _address(stack, item)
    _overwrite(stack, item, seal(bicycles_session, bicycles_target, "document", address, _VALID))
    assert "by the book" not in read_must_fail(api, "seal_foreign_context")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]), "seal_tampered"),
        (lambda sealed: sealed[:-1], "seal_truncated"),
        (lambda sealed: sealed[:40], "seal_truncated"),
        (lambda sealed: sealed + b"more", "seal_truncated"),
        (lambda sealed: b"", "seal_truncated"),
        (lambda sealed: b"\x02" + sealed[1:], "seal_malformed"),
        (lambda sealed: sealed[:3] + bytes(4) + sealed[7:], "seal_malformed"),
        (lambda sealed: sealed[:60] + bytes([sealed[60] ^ 1]) + sealed[61:], "seal_foreign_context"),
    ],
    ids=["changed", "cut", "cut in the key", "lengthened", "empty", "version", "length", "wrapped key"],
)
def test_changed_value_does_not_open(
    stack: LocalStack,
    overwritten: tuple[Api, dict[str, Any]],
    read_must_fail: ReadMustFail,
    how: Callable[[bytes], bytes],
    reason: str,
) -> None:
    api, item = overwritten
    _overwrite(stack, item, how(bytes(item[_sealed_name(item)]["B"])))
    read_must_fail(api, reason)


def test_value_with_a_data_key_of_another_kms_key_does_not_open(
    stack: LocalStack,
    new_tenant: Callable[..., Tenant],
    overwritten: tuple[Api, dict[str, Any]],
    read_must_fail: ReadMustFail,
) -> None:
    """The tenant's own context, wrapped by another KMS key: root may do that."""
    api, item = overwritten
    target = Target.of(stack, _tenant_of(stack, item))
    other = stack.account.client("kms").create_key(Description="another key")["KeyMetadata"]["Arn"]
    forged = seal(stack.account, replace(target, key_arn=other), "template", _address(stack, item), _VALID)
    _overwrite(stack, item, forged)
    assert "by the book" not in read_must_fail(api, "seal_wrong_key")


def test_value_in_the_documented_form_opens(
    stack: LocalStack,
    bicycles_session: Account,
    bicycles_target: Target,
    overwritten: tuple[Api, dict[str, Any]],
) -> None:
    """The control of this module: a valid value at the right address opens."""
    api, item = overwritten
    address = _address(stack, item)
    _overwrite(stack, item, seal(bicycles_session, bicycles_target, "template", address, _VALID))
    assert api.get("/v1/templates/overwritten").expect(200)["body"] == "Sealed by the book."


def _address(stack: LocalStack, item: dict[str, Any], attribute: str | None = None) -> bytes:
    return authenticated(
        "template",
        "tenants",
        item["pk"]["S"],
        item["sk"]["S"],
        attribute or _sealed_name(item),
    )


def _tenant_of(stack: LocalStack, item: dict[str, Any]) -> Tenant:
    shown = stack.control("show", tenant=item["pk"]["S"].removeprefix("TENANT#"))
    return Tenant(shown["tenant"], shown["display_name"], shown["index"], shown["vector_bucket"], shown["key_arn"])
