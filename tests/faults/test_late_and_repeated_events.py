"""An upload's event comes late, or again: its job begins once, and is in sight from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.attacks import Target
from tools.chaos.injection import created
from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Delay, Fail

CONTENT = b"The ferry leaves at seven."
REFUSED = Fail("ValidationException")
SECONDS = 60.0


def _slot(api: Api) -> dict[str, Any]:
    about = {"title": "Ferry", "content_type": "text/plain", "bytes": len(CONTENT)}
    return api.post("/v1/documents/uploads", about).expect(201)


def _upload(slot: dict[str, Any]) -> str:
    upload = slot["upload"]
    assert send(upload["method"], upload["url"], CONTENT, upload["headers"]).status == 200
    return slot["document"]["id"]


def _there(stack: LocalStack, tenant: Tenant) -> dict[str, str]:
    """The tenant's jobs and documents, and their statuses."""
    found = stack.account.client("dynamodb").query(
        TableName=stack.outputs["DataTable"],
        KeyConditionExpression="pk = :pk",
        ConsistentRead=True,
        ExpressionAttributeValues={":pk": {"S": tenant.partition}},
    )["Items"]
    kinds = {"JOB", "WAITING", "DEAD", "DOCUMENT"}
    return {each["sk"]["S"]: each["status"]["S"] for each in found if each["sk"]["S"].partition("#")[0] in kinds}


def _in_backlog(stack: LocalStack, tenant: Tenant) -> bool:
    key = {"pk": {"S": tenant.partition}}
    return "Item" in stack.account.client("dynamodb").get_item(
        TableName=stack.outputs["BasicBacklogTable"], Key=key, ConsistentRead=True
    )


def _again(stack: LocalStack, tenant: Tenant, document: str) -> None:
    event = created(stack, tenant, document)
    stack.account.invoke(stack.outputs["BasicIntakeFunction"], event)


def _without_retries(stack: LocalStack, tenant: Tenant) -> None:
    """A failure is the end of a job."""
    stack.account.client("dynamodb").update_item(
        TableName=stack.outputs["DataTable"],
        Key={"pk": {"S": tenant.partition}, "sk": {"S": "CIRCUIT"}},
        UpdateExpression="SET budget = :none",
        ExpressionAttributeValues={":none": {"N": "0"}},
    )


def test_a_job_accepted_while_release_looks_is_not_out_of_its_sight(
    stack: LocalStack, faults: Faults, newcomer: Callable[..., Tenant]
) -> None:
    """The backlog's entry and the job come together, however late: no release takes the entry back in between."""
    tenant = newcomer("Slow to accept")
    slot = _slot(stack.api(tenant))
    busy = Fail("ThrottlingException")
    about = {"service": "dynamodb", "session": tenant.id}
    # Whichever call writes the job: each of intake's writes is late.
    with (
        faults.rule(Delay(4_000), action="PutItem", count=2, **about),
        faults.rule(Delay(4_000), action="TransactWriteItems", count=1, **about),
        faults.rule(busy, service="bedrock-runtime", action="InvokeModel", session=tenant.id, count=3) as spoilt,
    ):
        document = _upload(slot)
        until(lambda: spoilt.hits, lambda hits: hits == 3, "its first attempt is spoilt", SECONDS)
    until(
        lambda: _there(stack, tenant),
        lambda seen: seen == {f"DOCUMENT#{document}": "ready"},
        "it is brought back and done",
        SECONDS,
    )


def test_an_event_that_comes_again_does_not_begin_a_job_that_was_given_up(
    stack: LocalStack, faults: Faults, newcomer: Callable[..., Tenant]
) -> None:
    tenant = newcomer("Told of twice, dead")
    _without_retries(stack, tenant)
    with faults.rule(REFUSED, service="bedrock-runtime", action="InvokeModel", session=tenant.id):
        document = _upload(_slot(stack.api(tenant)))
        given_up = {f"DEAD#{document}": "dead", f"DOCUMENT#{document}": "dead"}
        until(lambda: _there(stack, tenant), lambda seen: seen == given_up, "it is given up", SECONDS)
    _again(stack, tenant, document)
    until(lambda: _in_backlog(stack, tenant), lambda there: not there, "nothing is left to do", SECONDS)
    assert _there(stack, tenant) == given_up
    assert Target.of(stack, tenant).vectors == ()


def test_an_event_that_comes_again_does_not_begin_a_job_that_is_done(
    stack: LocalStack, faults: Faults, newcomer: Callable[..., Tenant]
) -> None:
    """Least of all while the tenant's jobs fail: its document would be told to have failed, with all of it indexed."""
    tenant = newcomer("Told of twice, done")
    api = stack.api(tenant)
    document = _upload(_slot(api))
    done = {f"DOCUMENT#{document}": "ready"}
    until(lambda: _there(stack, tenant), lambda seen: seen == done, "it is done", SECONDS)
    _without_retries(stack, tenant)
    with faults.rule(REFUSED, service="bedrock-runtime", action="InvokeModel", session=tenant.id):
        others = [api.add_document(f"Page {each}", "It fails.")["id"] for each in range(13)]
        until(
            lambda: _there(stack, tenant),
            lambda seen: sum(place.startswith("DEAD#") for place in seen) >= 11,
            "the circuit opens",
            SECONDS,
        )
        for _ in range(3):
            _again(stack, tenant, document)
        until(
            lambda: _there(stack, tenant),
            lambda seen: not any(place.startswith("JOB#") for place in seen),
            "what came again is seen",
            SECONDS,
        )
        seen = {place: status for place, status in _there(stack, tenant).items() if place.endswith(document)}
        assert seen == done, seen
    assert len(others) == 13
