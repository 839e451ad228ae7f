"""A job opens only in its own tenant's session, for any message group."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tools.attacks import Target
from tools.attacks.sealing import authenticated, job_address, seal
from tools.devstack.aws import Account, InvokeFailed, Tenant
from tools.devstack.stack import LocalStack


@pytest.fixture(scope="module")
def clinic_document(stack: LocalStack, clinic: Tenant) -> str:
    """The id of a document of the clinic."""
    return stack.api(clinic).get("/v1/documents").expect(200)["documents"][0]["id"]


@pytest.fixture
def no_data_changes(stack: LocalStack, clinic: Tenant, bicycles: Tenant) -> Iterator[None]:
    """Asserts that the test changes neither tenant's data."""
    before = Target.of(stack, clinic), Target.of(stack, bicycles)
    yield
    after = Target.of(stack, clinic), Target.of(stack, bicycles)
    for was, now in zip(before, after, strict=True):
        assert now.items == was.items, f"items of {was.tenant.name} changed"
        assert now.objects == was.objects, f"objects of {was.tenant.name} changed"
        assert sorted(now.vectors) == sorted(was.vectors), f"vectors of {was.tenant.name} changed"


def _job(session: Account, owner: Target, document: str, address: bytes | None = None) -> str:
    """Returns a job as the scheduler sends it, sealed in the owner's session."""
    text = json.dumps({"document": document}).encode()
    sealed = seal(session, owner, "job", address or job_address(owner.tenant.id), text)
    return _message(document, sealed)


def _message(document: str, sealed: bytes) -> str:
    return json.dumps({"document": document, "sealed": base64.b64encode(sealed).decode()})


def _dispatch(stack: LocalStack, body: str, group: str | None) -> bool:
    """Sends a message to dispatch like SQS; reports whether dispatch completed it."""
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "0"}
    if group is not None:
        attributes["MessageGroupId"] = group
    record = {
        "messageId": "forged",
        "receiptHandle": "none",
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
        "awsRegion": "us-east-1",
    }
    try:
        answer = stack.account.invoke(stack.outputs["BasicDispatchFunction"], {"Records": [record]})
    except InvokeFailed:
        return False
    return not (answer or {}).get("batchItemFailures")


def test_job_in_its_own_tenants_group_is_done(
    stack: LocalStack, clinic_session: Account, clinic_target: Target, clinic_document: str
) -> None:
    """The control: the job that is refused below is valid."""
    body = _job(clinic_session, clinic_target, clinic_document)
    assert _dispatch(stack, body, clinic_target.tenant.id), "a genuine job was not completed"


def test_concurrent_repeated_deliveries_change_nothing(
    stack: LocalStack,
    clinic_session: Account,
    clinic_target: Target,
    clinic_document: str,
    no_data_changes: None,
) -> None:
    body = _job(clinic_session, clinic_target, clinic_document)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: _dispatch(stack, body, clinic_target.tenant.id), range(12)))
    assert all(done), f"a repeated delivery failed: {done}"


def test_job_in_another_tenants_group_is_refused(
    stack: LocalStack,
    clinic_session: Account,
    clinic_target: Target,
    bicycles: Tenant,
    clinic_document: str,
    no_data_changes: None,
) -> None:
    body = _job(clinic_session, clinic_target, clinic_document)
    assert not _dispatch(stack, body, bicycles.id), "a job of another tenant was completed"


def test_job_sealed_for_another_tenants_address_opens_in_no_group(
    stack: LocalStack,
    bicycles_session: Account,
    bicycles_target: Target,
    clinic: Tenant,
    clinic_document: str,
    no_data_changes: None,
) -> None:
    """Sealed by B for A's group: B's key with A's address, which no session opens."""
    body = _job(bicycles_session, bicycles_target, clinic_document, job_address(clinic.id))
    for group in (clinic.id, bicycles_target.tenant.id):
        assert not _dispatch(stack, body, group), "a job was opened at another address"


def test_job_with_another_tenants_document_changes_nothing(
    stack: LocalStack,
    bicycles_session: Account,
    bicycles_target: Target,
    bicycles: Tenant,
    clinic_document: str,
    no_data_changes: None,
) -> None:
    """A genuine job of B for A's document: B's partition has no such document."""
    _dispatch(stack, _job(bicycles_session, bicycles_target, clinic_document), bicycles.id)


@pytest.mark.parametrize("purpose", ["template", "document", "passage"])
def test_value_sealed_for_another_purpose_is_refused_as_a_job(
    stack: LocalStack,
    clinic_session: Account,
    clinic_target: Target,
    clinic_document: str,
    purpose: str,
    no_data_changes: None,
) -> None:
    text = json.dumps({"document": clinic_document}).encode()
    address = authenticated(purpose, "sqs", clinic_target.tenant.id, "", "job")
    sealed = seal(clinic_session, clinic_target, purpose, address, text)
    body = _message(clinic_document, sealed)
    assert not _dispatch(stack, body, clinic_target.tenant.id)


@pytest.mark.parametrize(
    "forge",
    [
        lambda document, tenant: json.dumps({"document": document}),
        lambda document, tenant: json.dumps({"document": document, "tenant": tenant}),
        lambda document, tenant: json.dumps({"document": document, "sealed": ""}),
        lambda document, tenant: json.dumps({"document": document, "sealed": "AQAA"}),
        lambda document, tenant: _message(document, b"\x01" * 90),
        lambda document, tenant: "not json",
        lambda document, tenant: "",
    ],
    ids=["plain", "plain-with-tenant", "empty", "too-short", "noise", "no-json", "nothing"],
)
def test_unsealed_job_is_refused(
    stack: LocalStack, clinic: Tenant, clinic_document: str, forge: Callable[[str, str], str], no_data_changes: None
) -> None:
    assert not _dispatch(stack, forge(clinic_document, clinic.id), clinic.id), "an unsealed job was completed"


@pytest.mark.parametrize("group", [None, "", "x", "TENANT#" + "0" * 32, "0" * 32, "a/b"])
def test_job_without_a_tenants_group_is_refused(
    stack: LocalStack,
    clinic_session: Account,
    clinic_target: Target,
    clinic_document: str,
    group: str | None,
    no_data_changes: None,
) -> None:
    body = _job(clinic_session, clinic_target, clinic_document)
    assert not _dispatch(stack, body, group), f"a job of group {group!r} was completed"


def test_refused_message_does_not_fail_its_batch(
    stack: LocalStack, clinic_session: Account, clinic_target: Target, bicycles: Tenant, clinic_document: str
) -> None:
    good = _job(clinic_session, clinic_target, clinic_document)
    records: list[dict[str, Any]] = [
        {"messageId": name, "body": body, "attributes": {"MessageGroupId": group}}
        for name, body, group in (
            ("bad", "not json", bicycles.id),
            ("good", good, clinic_target.tenant.id),
            ("foreign", good, bicycles.id),
        )
    ]
    answer = stack.account.invoke(stack.outputs["BasicDispatchFunction"], {"Records": records})
    failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
    assert failed == {"bad", "foreign"}, f"the batch answered {answer}"


# ── stored objects, which intake forwards ──────────────────────────────────


def _stored(owner: Target, document: str, **other: Any) -> str:
    """Returns the message of a document's first revision as intake sends it."""
    key = f"t/{owner.tenant.id}/documents/{document}/source.00000001"
    return json.dumps({"bucket": owner.bucket, "key": key, "bytes": 1, **other})


@pytest.fixture
def unaccepted(stack: LocalStack, new_tenant: Callable[[str], Tenant]) -> tuple[Target, str]:
    """A tenant and its document, whose bytes are announced and not stored."""
    owner = new_tenant("Owner of an unaccepted object")
    about = {"title": "Ferry", "content_type": "text/plain", "bytes": 5}
    made = stack.api(owner).post("/v1/documents/uploads", about).expect(201)
    return Target.of(stack, owner), made["document"]["id"]


def test_stored_object_is_accepted_only_in_its_own_tenants_group(
    stack: LocalStack, unaccepted: tuple[Target, str], bicycles: Tenant, no_data_changes: None
) -> None:
    owner, document = unaccepted

    def status() -> str:
        return stack.api(owner.tenant).get(f"/v1/documents/{document}").expect(200)["status"]

    body = _stored(owner, document)
    for group in (bicycles.id, None, "", "0" * 32, "TENANT#" + owner.tenant.id):
        assert not _dispatch(stack, body, group), f"accepted in the group {group!r}"
    for other in ({"bucket": "another-bucket"}, {"key": f"t/{owner.tenant.id}/x"}, {"key": ""}, {"bytes": -1}):
        assert not _dispatch(stack, _stored(owner, document, **other), owner.tenant.id), f"accepted {other}"
    assert status() == "awaiting_upload", "a refused message was accepted"
    # The control. The worker accepts the job, and finds no bytes.
    assert _dispatch(stack, body, owner.tenant.id)
    assert status() == "dead"


def test_scheduler_accepts_a_stored_object_only_for_its_own_tenant(
    stack: LocalStack, unaccepted: tuple[Target, str], bicycles: Tenant, no_data_changes: None
) -> None:
    owner, document = unaccepted

    def defer(tenant: str) -> None:
        work = json.loads(_stored(owner, document))
        request = {"action": "defer", "tenant": tenant, "work": work}
        stack.account.invoke(stack.outputs["BasicSchedulerFunction"], request)

    with pytest.raises(InvokeFailed, match="Refused"):
        defer(bicycles.id)
    assert Target.of(stack, owner.tenant).sort_keys() == owner.sort_keys(), "a request for B changed A"
    # The control. Another sweep may already have moved the job on.
    defer(owner.tenant.id)
    assert Target.of(stack, owner.tenant).sort_keys() != owner.sort_keys()


# ── the scheduler ───────────────────────────────────────────────────────────


@pytest.fixture
def queued_job(
    stack: LocalStack, new_tenant: Callable[[str], Tenant], ready: Callable[..., Any]
) -> Iterator[tuple[Tenant, str]]:
    """A tenant and its document with a queued job that no message announces. Removes the job at the end."""
    owner = new_tenant("Owner of a queued job")
    api = stack.api(owner)
    document = api.add_document("Queued", "The ferry leaves at noon.")["id"]
    ready(api, document)
    job = {
        "pk": {"S": owner.partition},
        "sk": {"S": f"JOB#{document}"},
        "document": {"S": document},
        "status": {"S": "queued"},
        "attempts": {"N": "0"},
        "aws_failures": {"N": "0"},
        "until": {"N": str(32_503_680_000_000)},
        "accepted_at": {"S": "2026-01-31T09:30:00.000Z"},
        "since": {"S": "2026-01-31T09:30:00.000Z"},
        "etag": {"S": "0" * 32},
        "job": {"M": {"document": {"S": document}, "sealed": {"S": "AQAA"}}},
    }
    dynamodb, table = stack.account.client("dynamodb"), stack.outputs["DataTable"]
    dynamodb.put_item(TableName=table, Item=job)
    yield owner, document
    for item in Target.of(stack, owner).items:
        if item["sk"]["S"].startswith(("JOB#", "WAITING#")):
            dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})


def _defer(stack: LocalStack, tenant: str, document: str) -> Any:
    """Sends the request that dispatch sends if no worker is free."""
    request = {"action": "defer", "tenant": tenant, "work": {"document": document, "sealed": "AQAA"}}
    return stack.account.invoke(stack.outputs["BasicSchedulerFunction"], request)


def test_scheduler_defers_a_job_only_for_its_own_tenant(
    stack: LocalStack, queued_job: tuple[Tenant, str], bicycles: Tenant
) -> None:
    owner, document = queued_job

    def jobs(tenant: Tenant) -> set[str]:
        kinds = {item["sk"]["S"].partition("#")[0] for item in Target.of(stack, tenant).items}
        return kinds & {"JOB", "WAITING", "DEAD"}

    before = Target.of(stack, owner).items
    _defer(stack, bicycles.id, document)
    assert Target.of(stack, owner).items == before, "a request for B moved a job of A"
    # The control: the same request for the owner moves the job.
    _defer(stack, owner.id, document)
    assert jobs(owner) == {"WAITING"}


@pytest.mark.parametrize("action", ["defer", "requeue"])
@pytest.mark.parametrize("tenant", ["", "x", "TENANT#" + "0" * 32, "a/b"])
def test_scheduler_refuses_a_malformed_tenant(
    stack: LocalStack, clinic_document: str, action: str, tenant: str, no_data_changes: None
) -> None:
    work = {"document": clinic_document, "sealed": "AQAA"}
    about: dict[str, dict[str, object]] = {
        "defer": {"tenant": tenant, "work": work},
        "requeue": {"tenants": [tenant]},
    }
    request = {"action": action, **about[action]}
    with pytest.raises(InvokeFailed, match="Refused"):
        stack.account.invoke(stack.outputs["BasicSchedulerFunction"], request)
