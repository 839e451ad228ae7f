"""An upload's event may be late or repeated: it starts one job, and the scheduler always finds that job."""

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


def _request_upload(api: Api) -> dict[str, Any]:
    about = {"title": "Ferry", "content_type": "text/plain", "bytes": len(CONTENT)}
    return api.post("/v1/documents/uploads", about).expect(201)


def _upload(slot: dict[str, Any]) -> str:
    upload = slot["upload"]
    assert send(upload["method"], upload["url"], CONTENT, upload["headers"]).status == 200
    return slot["document"]["id"]


def _jobs_and_documents(stack: LocalStack, tenant: Tenant) -> dict[str, str]:
    """Returns the statuses of the tenant's jobs and documents by sort key."""
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


def _resend_event(stack: LocalStack, tenant: Tenant, document: str) -> None:
    event = created(stack, tenant, document)
    stack.account.invoke(stack.outputs["BasicIntakeFunction"], event)


def _without_retries(stack: LocalStack, tenant: Tenant) -> None:
    """Empties the retry budget, so that the first failure ends a job."""
    stack.account.client("dynamodb").update_item(
        TableName=stack.outputs["DataTable"],
        Key={"pk": {"S": tenant.partition}, "sk": {"S": "CIRCUIT"}},
        UpdateExpression="SET budget = :none",
        ExpressionAttributeValues={":none": {"N": "0"}},
    )


def test_scheduler_finds_a_job_that_is_slowly_accepted(
    stack: LocalStack, faults: Faults, new_tenant: Callable[..., Tenant]
) -> None:
    """The backlog entry and the job are written together: no sweep removes the entry in between."""
    tenant = new_tenant("Slow to accept")
    slot = _request_upload(stack.api(tenant))
    throttled = Fail("ThrottlingException")
    about = {"service": "dynamodb", "session": tenant.id}
    # Delays the first writes of the worker, because any of them may write the job.
    with (
        faults.rule(Delay(4_000), action="PutItem", count=2, **about),
        faults.rule(Delay(4_000), action="TransactWriteItems", count=1, **about),
        faults.rule(throttled, service="bedrock-runtime", action="InvokeModel", session=tenant.id, count=3) as failing,
    ):
        document = _upload(slot)
        until(lambda: failing.hits, lambda hits: hits == 3, "the first attempt fails", SECONDS)
    until(
        lambda: _jobs_and_documents(stack, tenant),
        lambda seen: seen == {f"DOCUMENT#{document}": "ready"},
        "the scheduler requeues the job and it is done",
        SECONDS,
    )


def test_repeated_event_does_not_restart_a_dead_job(
    stack: LocalStack, faults: Faults, new_tenant: Callable[..., Tenant]
) -> None:
    tenant = new_tenant("Repeated event, dead")
    _without_retries(stack, tenant)
    with faults.rule(REFUSED, service="bedrock-runtime", action="InvokeModel", session=tenant.id):
        document = _upload(_request_upload(stack.api(tenant)))
        dead = {f"DEAD#{document}": "dead", f"DOCUMENT#{document}": "dead"}
        until(lambda: _jobs_and_documents(stack, tenant), lambda seen: seen == dead, "the job is dead", SECONDS)
    _resend_event(stack, tenant, document)
    until(lambda: _in_backlog(stack, tenant), lambda present: not present, "the backlog entry is gone", SECONDS)
    assert _jobs_and_documents(stack, tenant) == dead
    assert Target.of(stack, tenant).vectors == ()


def test_repeated_event_does_not_restart_a_completed_job(
    stack: LocalStack, faults: Faults, new_tenant: Callable[..., Tenant]
) -> None:
    """Also while the tenant's jobs fail: a restarted job would mark the indexed document as dead."""
    tenant = new_tenant("Repeated event, done")
    api = stack.api(tenant)
    document = _upload(_request_upload(api))
    done = {f"DOCUMENT#{document}": "ready"}
    until(lambda: _jobs_and_documents(stack, tenant), lambda seen: seen == done, "the document is ready", SECONDS)
    _without_retries(stack, tenant)
    with faults.rule(REFUSED, service="bedrock-runtime", action="InvokeModel", session=tenant.id):
        others = [api.add_document(f"Page {each}", "It fails.")["id"] for each in range(13)]
        until(
            lambda: _jobs_and_documents(stack, tenant),
            lambda seen: sum(key.startswith("DEAD#") for key in seen) >= 11,
            "the circuit opens",
            SECONDS,
        )
        for _ in range(3):
            _resend_event(stack, tenant, document)
        until(
            lambda: _jobs_and_documents(stack, tenant),
            lambda seen: not any(key.startswith("JOB#") for key in seen),
            "no job is queued or running",
            SECONDS,
        )
        seen = {key: status for key, status in _jobs_and_documents(stack, tenant).items() if key.endswith(document)}
        assert seen == done, seen
    assert len(others) == 13
