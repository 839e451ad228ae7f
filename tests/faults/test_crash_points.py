"""Whoever works on a job may die between any two of its steps: the job is done once all the same.

A process that dies at a step, and one whose every call from there on is cut off, leave the same behind:
what was written before, and nothing after. So each case lets a number of the tenant's calls through and
cuts all others, before they arrive or on their way back, until whoever made them has given up; then the
line is good again. Each case is a tenant of its own, and all of them are under way at once.
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
# More calls than intake, worker and release make for one document, sessions and keys included.
STEPS = 40
SECONDS = 300.0
# Longer than a worker lives here: whoever was cut off has given up, or was ended.
PATIENCE = 14.0


@dataclass(frozen=True)
class Case:
    """After how many of its tenant's calls the line is cut, and whether they still arrive."""

    step: int
    effect: Effect

    def __str__(self) -> str:
        return f"{type(self.effect).__name__}-{self.step:02}"


CASES = [Case(step, effect) for step in range(STEPS) for effect in (DropBefore(), DropAfter())]


@dataclass
class Underway:
    tenant: Tenant
    api: Api
    document: str
    rule: InForce
    line: ExitStack
    is_cut: bool = True
    hits: int = 0
    since: float = 0.0

    def mend_when_given_up(self) -> None:
        """Make the line good once whoever met it has given up."""
        if not self.is_cut:
            return
        self.hits = self.rule.hits
        if self.hits > 0 and self.since == 0.0:
            self.since = time.monotonic()
        if self.hits > 0 and time.monotonic() - self.since > PATIENCE:
            self.line.close()
            self.is_cut = False


@pytest.fixture(scope="module")
def done(stack: LocalStack, newcomer: Callable[..., Tenant]) -> dict[Case, Underway]:
    """Every case begun, cut off, and brought to its end."""
    cases: dict[Case, Underway] = {}
    with ExitStack() as lines:
        for case in CASES:
            tenant = newcomer(f"Cut off: {case}")
            api = stack.api(tenant)
            about = {"title": "Ferry", "content_type": "text/plain", "bytes": len(CONTENT)}
            slot = api.post("/v1/documents/uploads", about).expect(201)
            line = lines.enter_context(ExitStack())
            # The upload is signed by the tenant's session as well.
            rule = line.enter_context(stack.faults.rule(case.effect, session=tenant.id, skip=case.step + 1))
            upload = slot["upload"]
            assert send(upload["method"], upload["url"], CONTENT, upload["headers"]).status == 200
            cases[case] = Underway(tenant, api, slot["document"]["id"], rule, line)
        unfinished = dict(cases)

        def look() -> list[str]:
            for case, each in list(unfinished.items()):
                if _status(stack, each) == "ready" and not _jobs(stack, each):
                    del unfinished[case]
                else:
                    each.mend_when_given_up()
            _send_events_again(stack, {each.tenant.id for each in cases.values() if not each.is_cut})
            stack.sweep()
            return [str(case) for case in unfinished]

        until(look, lambda still: not still, "all are done", SECONDS, every=0.5)
        # What is left of their messages is nobody's trouble afterwards.
        tenants = {each.tenant.id for each in cases.values()}

        def left() -> int:
            _send_events_again(stack, tenants)
            return stack.messages() + stack.messages("BasicDeadLetterQueueUrl")

        until(left, lambda messages: messages == 0, "all messages are gone", SECONDS, every=0.5)
    return cases


def _send_events_again(stack: LocalStack, tenants: set[str]) -> None:
    """What docs/operations.md says of events that intake failed on three times, and of jobs' messages."""
    sqs, queue = stack.account.client("sqs"), stack.outputs["BasicDeadLetterQueueUrl"]
    received = sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=1, AttributeNames=["MessageGroupId"]
    )
    for message in received.get("Messages", []):
        event = json.loads(message["Body"]).get("requestPayload")
        # A job's message is not needed: the job itself is found again.
        owner = event["detail"]["object"]["key"].split("/")[1] if event else message["Attributes"]["MessageGroupId"]
        if owner in tenants:
            if event:
                stack.account.invoke(stack.outputs["BasicIntakeFunction"], event)
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def _status(stack: LocalStack, each: Underway) -> str:
    return _items(stack, each, f"DOCUMENT#{each.document}")[0]["status"]["S"]


def _jobs(stack: LocalStack, each: Underway) -> list[Any]:
    return [item for prefix in ("JOB#", "WAITING#", "DEAD#") for item in _items(stack, each, prefix)]


def _items(stack: LocalStack, each: Underway, prefix: str) -> list[dict[str, Any]]:
    return stack.account.client("dynamodb").query(
        TableName=stack.outputs["DataTable"],
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": each.tenant.partition}, ":sk": {"S": prefix}},
    )["Items"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_job_that_was_cut_off_is_done_once(stack: LocalStack, done: dict[Case, Underway], case: Case) -> None:
    each = done[case]
    vectors = [key for key in Target.of(stack, each.tenant).vectors if key.startswith(each.document)]
    assert len(vectors) == 1, f"indexed {len(vectors)} times"
    assert each.api.get(f"/v1/documents/{each.document}").expect(200)["status"] == "ready"
    assert each.api.get("/v1/dead-letters").expect(200)["dead_letters"] == []


def test_every_step_was_cut_off(done: dict[Case, Underway]) -> None:
    """The cases reach from the first call to beyond the last, so that none between is left out."""
    for effect in (DropBefore, DropAfter):
        hits = [each.hits > 0 for case, each in done.items() if isinstance(case.effect, effect)]
        assert hits[0] and not hits[-1], f"cut off: {hits}"
        assert hits == sorted(hits, reverse=True), f"a step in between was not cut off: {hits}"
