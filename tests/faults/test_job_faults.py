"""A step of ingestion that fails is retried, and no document is lost.

The SDK makes three attempts per call. If all fail, the step fails, and Lambda or the queue starts it again.
So every step must survive at least three failures in a row.
"""

from __future__ import annotations

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
from tools.faultproxy.client import Faults, InForce
from tools.faultproxy.effects import DropAfter, DropBefore, Effect, Fail

Ready = Callable[..., list[dict[str, Any]]]
DOCUMENT = {"title": "Ferry", "content_type": "text/plain", "content": "The ferry leaves at seven."}
ATTEMPTS = 3
READY_SECONDS = 60.0


@dataclass(frozen=True)
class Case:
    """A call of the worker that fails `ATTEMPTS` times: while it accepts the job, or while it does it."""

    step: str
    effect: Effect
    service: str
    action: str
    # Earlier calls of the same kind for the same document.
    skip: int = 0

    def __str__(self) -> str:
        return f"{self.step}-{self.service}.{self.action}"


CASES = [
    Case("accept", Fail("ServiceUnavailable", 503), "sts", "AssumeRole"),
    Case("accept", Fail("KMSInternalException"), "kms", "GenerateDataKey"),
    Case("accept", Fail("InternalServerError"), "dynamodb", "TransactWriteItems"),
    Case("worker", Fail("ThrottlingException"), "kms", "Decrypt"),
    Case("worker", Fail("SlowDown"), "s3", "GetObject"),
    Case("worker", Fail("ThrottlingException"), "bedrock-runtime", "InvokeModel"),
    Case("worker", DropAfter(), "s3vectors", "PutVectors"),
    Case("worker", DropBefore(), "dynamodb", "UpdateItem", skip=2),
]


@dataclass(frozen=True)
class CaseRun:
    """The document of one case."""

    tenant: Tenant
    api: Api
    document: str
    rule: InForce
    deadline: float


@pytest.fixture(scope="module")
def runs(stack: LocalStack, new_tenant: Callable[..., Tenant]) -> Any:
    """Starts all cases at once, each with its own tenant, because a redelivery by the queue takes long."""
    with ExitStack() as rules:

        def begin(case: Case) -> CaseRun:
            tenant = new_tenant(f"With faults: {case}")
            api = stack.api(tenant)
            # An upload bypasses the API, so that only the worker makes calls from here on.
            content = DOCUMENT["content"].encode()
            slot = api.post("/v1/documents/uploads", {**_description(), "bytes": len(content)}).expect(201)
            rule = rules.enter_context(
                stack.faults.rule(
                    case.effect,
                    service=case.service,
                    action=case.action,
                    session=tenant.id,
                    skip=case.skip,
                    count=ATTEMPTS,
                )
            )
            upload = slot["upload"]
            assert send(upload["method"], upload["url"], content, upload["headers"]).status == 200
            return CaseRun(tenant, api, slot["document"]["id"], rule, time.monotonic() + READY_SECONDS)

        yield {case: begin(case) for case in CASES}


def _description() -> dict[str, str]:
    return {name: value for name, value in DOCUMENT.items() if name != "content"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_failed_step_is_retried(stack: LocalStack, runs: dict[Case, CaseRun], ready: Ready, case: Case) -> None:
    found = runs[case]
    # Read by the operator: a call of the API could use up one of the faults.
    remaining = max(1.0, found.deadline - time.monotonic())
    until(
        lambda: _status(stack, found), lambda status: status == "ready", f"the document of {case} is ready", remaining
    )
    assert found.rule.hits == ATTEMPTS, f"only {found.rule.hits} calls failed, so the step did not fail"
    assert ready(found.api, found.document)[0]["chunks"] == 1
    vectors = [each for each in Target.of(stack, found.tenant).vectors if each.startswith(found.document)]
    assert len(vectors) == 1, vectors
    found.api.save_template("plain", "Answer from the passages.")
    assert "seven" in found.api.ask("When does the ferry leave?", "plain")["answer"]


def _status(stack: LocalStack, found: CaseRun) -> str:
    key = {"pk": {"S": found.tenant.partition}, "sk": {"S": f"DOCUMENT#{found.document}"}}
    item = stack.account.client("dynamodb").get_item(TableName=stack.outputs["DataTable"], Key=key, ConsistentRead=True)
    return item["Item"]["status"]["S"]


def test_failed_download_does_not_count_against_the_tenant(
    stack: LocalStack, faults: Faults, new_tenant: Callable[..., Tenant]
) -> None:
    """A tenant without a retry left: one failure that counts would make the job dead at once."""
    tenant = new_tenant("Bytes out of reach")
    api = stack.api(tenant)
    content = DOCUMENT["content"].encode()
    slot = api.post("/v1/documents/uploads", {**_description(), "bytes": len(content)}).expect(201)
    stack.account.client("dynamodb").update_item(
        TableName=stack.outputs["DataTable"],
        Key={"pk": {"S": tenant.partition}, "sk": {"S": "CIRCUIT"}},
        UpdateExpression="SET budget = :none",
        ExpressionAttributeValues={":none": {"N": "0"}},
    )
    upload, document = slot["upload"], slot["document"]["id"]
    # The worker reads one byte itself; the next read is the download of `extraction`.
    with faults.rule(Fail("SlowDown"), service="s3", action="GetObject", session=tenant.id, skip=1, count=1) as rule:
        assert send(upload["method"], upload["url"], content, upload["headers"]).status == 200

        def status() -> str:
            stack.sweep()
            found: str = api.get(f"/v1/documents/{document}").expect(200)["status"]
            return found

        final = until(status, lambda found: found in {"ready", "dead"}, "the document is ready or dead", READY_SECONDS)
        assert (final, rule.hits) == ("ready", 1)


# ── calls without a tenant's session ──────────────────────────────────────────


@pytest.mark.parametrize(
    ("effect", "service", "action", "count"),
    [
        (Fail("InternalFailure"), "sqs", "SendMessage", ATTEMPTS),
        (DropAfter(), "sqs", "SendMessage", 1),
        (Fail("TooManyRequestsException"), "lambda", "Invoke", 1),
        (DropAfter(), "lambda", "Invoke", 1),
    ],
    ids=["sending fails", "the answer to sending is lost", "no worker is free", "the worker's answer is lost"],
)
def test_job_that_was_not_sent_or_started_is_sent_again(
    stack: LocalStack,
    faults: Faults,
    new_tenant: Callable[..., Tenant],
    ready: Ready,
    effect: Effect,
    service: str,
    action: str,
    count: int,
) -> None:
    tenant = new_tenant(f"Of {service}")
    api = stack.api(tenant)
    with faults.rule(effect, service=service, action=action, session="", count=count) as rule:
        document = api.post("/v1/documents", DOCUMENT).expect(202)["id"]
        ready(api, document)
        assert rule.hits == count
    assert len(Target.of(stack, tenant).vectors) == 1


@pytest.mark.after_everything
def test_dead_letter_queue_is_empty(stack: LocalStack) -> None:
    until(stack.messages, lambda messages: messages == 0, "the queue is empty", 60)
    assert stack.messages("BasicDeadLetterQueueUrl") == 0, "a job or an event is in the dead letter queue"
