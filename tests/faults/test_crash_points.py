"""Worker and scheduler may crash between any two steps of a job: the job is still done exactly once.

A process that crashes at a step leaves the same state as a process whose calls all fail from that step on. So
each case lets a number of the tenant's calls through and drops all later ones, before they arrive or on
their way back. After the callers have stopped trying, the connection works again. Each case uses its own
tenant, and all cases run at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import InForce
from tools.faultproxy.effects import DropAfter, DropBefore, Effect

CONTENT = b"The ferry leaves at seven."
# More calls than worker and scheduler make for one document, with sessions and keys.
STEPS = 40
SECONDS = 300.0
# Longer than a worker runs here: the interrupted caller has stopped trying or was ended.
PATIENCE = 14.0


@dataclass(frozen=True)
class Case:
    """The number of calls that pass, and whether the later ones still arrive."""

    step: int
    effect: Effect

    def __str__(self) -> str:
        return f"{type(self.effect).__name__}-{self.step:02}"


CASES = [Case(step, effect) for step in range(STEPS) for effect in (DropBefore(), DropAfter())]


@dataclass
class CaseRun:
    tenant: Tenant
    api: Api
    document: str
    rule: InForce
    connection: ExitStack
    is_disconnected: bool = True
    hits: int = 0
    since: float = 0.0

    def reconnect_after_patience(self) -> None:
        """Restores the connection `PATIENCE` seconds after the first dropped call."""
        if not self.is_disconnected:
            return
        self.hits = self.rule.hits
        if self.hits > 0 and self.since == 0.0:
            self.since = time.monotonic()
        if self.hits > 0 and time.monotonic() - self.since > PATIENCE:
            self.connection.close()
            self.is_disconnected = False


@pytest.fixture(scope="module")
def done(stack: LocalStack, new_tenant: Callable[..., Tenant]) -> dict[Case, CaseRun]:
    """Starts and interrupts every case, and waits until its job is done."""
    cases: dict[Case, CaseRun] = {}
    with ExitStack() as connections:
        for case in CASES:
            tenant = new_tenant(f"Interrupted: {case}")
            api = stack.api(tenant)
            about = {"title": "Ferry", "content_type": "text/plain", "bytes": len(CONTENT)}
            slot = api.post("/v1/documents/uploads", about).expect(201)
            connection = connections.enter_context(ExitStack())
            # The tenant's session also signs the upload: one more call.
            rule = connection.enter_context(stack.faults.rule(case.effect, session=tenant.id, skip=case.step + 1))
            upload = slot["upload"]
            assert send(upload["method"], upload["url"], CONTENT, upload["headers"]).status == 200
            cases[case] = CaseRun(tenant, api, slot["document"]["id"], rule, connection)
        unfinished = dict(cases)

        def look() -> list[str]:
            for case, each in list(unfinished.items()):
                if _status(stack, each) == "ready" and not _jobs(stack, each):
                    del unfinished[case]
                else:
                    each.reconnect_after_patience()
            _resend_dead_events(stack, {each.tenant.id for each in cases.values() if not each.is_disconnected})
            stack.sweep()
            return [str(case) for case in unfinished]

        until(look, lambda remaining: not remaining, "all jobs are done", SECONDS, every=0.5)
        # A case whose job was done before the first dropped call is still cut off. Its worker answered with an error,
        # so its message comes again.
        connections.close()
        # No message of these cases may disturb a later test.
        tenants = {each.tenant.id for each in cases.values()}

        def unfinished_messages() -> int:
            _resend_dead_events(stack, tenants)
            return stack.messages() + stack.messages("BasicDeadLetterQueueUrl")

        until(unfinished_messages, lambda messages: messages == 0, "all messages are gone", SECONDS, every=0.5)
    return cases


def _resend_dead_events(stack: LocalStack, tenants: set[str]) -> None:
    """Handles dead letters as docs/operations.md says: resends events and stored objects, deletes jobs."""
    sqs, queue = stack.account.client("sqs"), stack.outputs["BasicDeadLetterQueueUrl"]
    received = sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=1, AttributeNames=["MessageGroupId"]
    )
    for message in received.get("Messages", []):
        body = json.loads(message["Body"])
        event = body.get("requestPayload")
        key = event["detail"]["object"]["key"] if event else body.get("key")
        # The message of a job is not needed: the scheduler finds the job.
        owner = key.split("/")[1] if key else message["Attributes"]["MessageGroupId"]
        if owner in tenants:
            if event:
                stack.account.invoke(stack.outputs["BasicIntakeFunction"], event)
            elif key:
                sqs.send_message(
                    QueueUrl=stack.outputs["BasicQueueUrl"], MessageBody=message["Body"], MessageGroupId=owner
                )
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def _status(stack: LocalStack, each: CaseRun) -> str:
    return _items(stack, each, f"DOCUMENT#{each.document}")[0]["status"]["S"]


def _jobs(stack: LocalStack, each: CaseRun) -> list[Any]:
    return [item for prefix in ("JOB#", "WAITING#", "DEAD#") for item in _items(stack, each, prefix)]


def _items(stack: LocalStack, each: CaseRun, prefix: str) -> list[dict[str, Any]]:
    return stack.account.client("dynamodb").query(
        TableName=stack.outputs["DataTable"],
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": each.tenant.partition}, ":sk": {"S": prefix}},
    )["Items"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_interrupted_job_is_done_once(stack: LocalStack, done: dict[Case, CaseRun], case: Case) -> None:
    each = done[case]
    vectors = [key for key in Target.of(stack, each.tenant).vectors if key.startswith(each.document)]
    assert len(vectors) == 1, f"indexed {len(vectors)} times"
    assert each.api.get(f"/v1/documents/{each.document}").expect(200)["status"] == "ready"
    assert each.api.get("/v1/dead-letters").expect(200)["dead_letters"] == []


def test_every_step_was_interrupted(done: dict[Case, CaseRun]) -> None:
    """The cases reach from the first call to beyond the last, without a gap."""
    for effect in (DropBefore, DropAfter):
        hits = [each.hits > 0 for case, each in done.items() if isinstance(case.effect, effect)]
        assert hits[0] and not hits[-1], f"interrupted: {hits}"
        assert hits == sorted(hits, reverse=True), f"a step in between was not interrupted: {hits}"
