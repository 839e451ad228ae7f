"""A job opens in its own tenant's session only, whatever group it is sent in."""

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
def foreign(stack: LocalStack, clinic: Tenant) -> str:
    """A document of the clinic's."""
    return stack.api(clinic).get("/v1/documents").expect(200)["documents"][0]["id"]


@pytest.fixture
def unchanged(stack: LocalStack, clinic: Tenant, bicycles: Tenant) -> Iterator[None]:
    """Neither tenant's data may differ afterwards."""
    before = Target.of(stack, clinic), Target.of(stack, bicycles)
    yield
    after = Target.of(stack, clinic), Target.of(stack, bicycles)
    for was, now in zip(before, after, strict=True):
        assert now.items == was.items, f"items of {was.tenant.name} changed"
        assert now.objects == was.objects, f"objects of {was.tenant.name} changed"
        assert sorted(now.vectors) == sorted(was.vectors), f"vectors of {was.tenant.name} changed"


def _job(session: Account, owner: Target, document: str, address: bytes | None = None) -> str:
    """A job as intake sends it, sealed in the owner's session."""
    text = json.dumps({"document": document}).encode()
    sealed = seal(session, owner, "job", address or job_address(owner.tenant.id), text)
    return _travelling(document, sealed)


def _travelling(document: str, sealed: bytes) -> str:
    return json.dumps({"document": document, "sealed": base64.b64encode(sealed).decode()})


def _deliver(stack: LocalStack, body: str, group: str | None) -> bool:
    """Hand a message to dispatch as SQS would; whether it was taken as done."""
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


def test_a_job_in_its_own_tenants_group_is_done(
    stack: LocalStack, clinic_session: Account, clinic_target: Target, foreign: str
) -> None:
    """The control: the very job that is refused below is a good one."""
    body = _job(clinic_session, clinic_target, foreign)
    assert _deliver(stack, body, clinic_target.tenant.id), "a genuine job was not done"


def test_a_job_delivered_many_times_at_once_changes_nothing(
    stack: LocalStack,
    clinic_session: Account,
    clinic_target: Target,
    foreign: str,
    unchanged: None,
) -> None:
    body = _job(clinic_session, clinic_target, foreign)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: _deliver(stack, body, clinic_target.tenant.id), range(12)))
    assert all(done), f"a repeated delivery failed: {done}"


def test_a_job_of_one_tenant_in_anothers_group_is_refused(
    stack: LocalStack,
    clinic_session: Account,
    clinic_target: Target,
    bicycles: Tenant,
    foreign: str,
    unchanged: None,
) -> None:
    body = _job(clinic_session, clinic_target, foreign)
    assert not _deliver(stack, body, bicycles.id), "a foreign job was taken as done"


def test_a_job_sealed_for_another_group_does_not_open_in_its_own_tenants(
    stack: LocalStack,
    bicycles_session: Account,
    bicycles_target: Target,
    clinic: Tenant,
    foreign: str,
    unchanged: None,
) -> None:
    """Sealed by B for A's group: B's key, A's address, and no session opens both."""
    body = _job(bicycles_session, bicycles_target, foreign, job_address(clinic.id))
    for group in (clinic.id, bicycles_target.tenant.id):
        assert not _deliver(stack, body, group), "a job was opened away from its address"


def test_a_job_that_names_anothers_document_finds_none(
    stack: LocalStack,
    bicycles_session: Account,
    bicycles_target: Target,
    bicycles: Tenant,
    foreign: str,
    unchanged: None,
) -> None:
    """Genuinely B's job, about A's document: in B's partition there is no such thing."""
    _deliver(stack, _job(bicycles_session, bicycles_target, foreign), bicycles.id)


@pytest.mark.parametrize("purpose", ["template", "document", "passage"])
def test_a_value_sealed_for_another_purpose_is_no_job(
    stack: LocalStack,
    clinic_session: Account,
    clinic_target: Target,
    foreign: str,
    purpose: str,
    unchanged: None,
) -> None:
    text = json.dumps({"document": foreign}).encode()
    address = authenticated(purpose, "sqs", clinic_target.tenant.id, "", "job")
    sealed = seal(clinic_session, clinic_target, purpose, address, text)
    body = _travelling(foreign, sealed)
    assert not _deliver(stack, body, clinic_target.tenant.id)


@pytest.mark.parametrize(
    "forge",
    [
        lambda document, tenant: json.dumps({"document": document}),
        lambda document, tenant: json.dumps({"document": document, "tenant": tenant}),
        lambda document, tenant: json.dumps({"document": document, "sealed": ""}),
        lambda document, tenant: json.dumps({"document": document, "sealed": "AQAA"}),
        lambda document, tenant: _travelling(document, b"\x01" * 90),
        lambda document, tenant: "not json",
        lambda document, tenant: "",
    ],
    ids=["plain", "plain-with-tenant", "empty", "too-short", "noise", "no-json", "nothing"],
)
def test_an_unsealed_job_is_refused(
    stack: LocalStack, clinic: Tenant, foreign: str, forge: Callable[[str, str], str], unchanged: None
) -> None:
    assert not _deliver(stack, forge(foreign, clinic.id), clinic.id), "an unsealed job was done"


@pytest.mark.parametrize("group", [None, "", "x", "TENANT#" + "0" * 32, "0" * 32, "a/b"])
def test_a_job_without_a_tenants_group_is_refused(
    stack: LocalStack,
    clinic_session: Account,
    clinic_target: Target,
    foreign: str,
    group: str | None,
    unchanged: None,
) -> None:
    body = _job(clinic_session, clinic_target, foreign)
    assert not _deliver(stack, body, group), f"a job of group {group!r} was done"


def test_one_refused_message_does_not_take_the_rest_of_its_batch_along(
    stack: LocalStack, clinic_session: Account, clinic_target: Target, bicycles: Tenant, foreign: str
) -> None:
    good = _job(clinic_session, clinic_target, foreign)
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
