"""What fails while a document is on its way to the index is tried again, and nothing is lost.

A call that the SDK gives up after three attempts fails the whole step; Lambda or the queue then
begins it anew. So three failures in a row are the least that a step has to survive.
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
    """A call on a document's way, made by intake or by the worker, that fails as often as it can."""

    step: str
    effect: Effect
    service: str
    action: str
    # Calls of the same kind that come first, on the way of the same document.
    skip: int = 0

    def __str__(self) -> str:
        return f"{self.step}-{self.service}.{self.action}"


CASES = [
    Case("intake", Fail("ServiceUnavailable", 503), "sts", "AssumeRole"),
    Case("intake", Fail("KMSInternalException"), "kms", "GenerateDataKey"),
    Case("intake", Fail("InternalServerError"), "dynamodb", "UpdateItem"),
    Case("worker", Fail("Throttling"), "sts", "AssumeRole", skip=1),
    Case("worker", Fail("ThrottlingException"), "kms", "Decrypt"),
    Case("worker", Fail("SlowDown"), "s3", "GetObject"),
    Case("worker", Fail("ThrottlingException"), "bedrock-runtime", "InvokeModel"),
    Case("worker", DropAfter(), "s3vectors", "PutVectors"),
    Case("worker", DropBefore(), "dynamodb", "UpdateItem", skip=2),
]


@dataclass(frozen=True)
class Underway:
    """A document whose way is being made hard."""

    tenant: Tenant
    api: Api
    document: str
    rule: InForce
    deadline: float


@pytest.fixture(scope="module")
def underway(stack: LocalStack, newcomer: Callable[..., Tenant]) -> Any:
    """All cases at once, each with a tenant of its own: a queue's second delivery takes its time."""
    with ExitStack() as rules:

        def begin(case: Case) -> Underway:
            tenant = newcomer(f"On a hard way: {case}")
            api = stack.api(tenant)
            # Uploaded past the API, so that from here on only the workers ask.
            content = DOCUMENT["content"].encode()
            slot = api.post("/v1/documents/uploads", {**_without_content(), "bytes": len(content)}).expect(201)
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
            return Underway(tenant, api, slot["document"]["id"], rule, time.monotonic() + READY_SECONDS)

        yield {case: begin(case) for case in CASES}


def _without_content() -> dict[str, str]:
    return {name: value for name, value in DOCUMENT.items() if name != "content"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_step_that_failed_is_done_again(
    stack: LocalStack, underway: dict[Case, Underway], ready: Ready, case: Case
) -> None:
    found = underway[case]
    # Looked up by the operator: asking the API could take a failure upon itself.
    left = max(1.0, found.deadline - time.monotonic())
    until(lambda: _status(stack, found), lambda status: status == "ready", f"{case} is overcome", left)
    assert found.rule.hits == ATTEMPTS, f"only {found.rule.hits} calls failed: the step was not made to fail"
    assert ready(found.api, found.document)[0]["chunks"] == 1
    vectors = [each for each in Target.of(stack, found.tenant).vectors if each.startswith(found.document)]
    assert len(vectors) == 1, vectors
    found.api.save_template("plain", "Answer from the passages.")
    assert "seven" in found.api.ask("When does the ferry leave?", "plain")["answer"]


def _status(stack: LocalStack, found: Underway) -> str:
    key = {"pk": {"S": found.tenant.partition}, "sk": {"S": f"DOCUMENT#{found.document}"}}
    item = stack.account.client("dynamodb").get_item(TableName=stack.outputs["DataTable"], Key=key, ConsistentRead=True)
    return item["Item"]["status"]["S"]


# ── calls that are made in no tenant's name ─────────────────────────────────


@pytest.mark.parametrize(
    ("effect", "service", "action", "count"),
    [
        (Fail("InternalFailure"), "sqs", "SendMessage", ATTEMPTS),
        (DropAfter(), "sqs", "SendMessage", 1),
        (Fail("TooManyRequestsException"), "lambda", "Invoke", 1),
        (DropAfter(), "lambda", "Invoke", 1),
    ],
    ids=["sending fails", "a sent job is sent again", "no worker is free", "a worker's end is not seen"],
)
def test_a_job_that_was_not_handed_over_is_handed_over_again(
    stack: LocalStack,
    faults: Faults,
    newcomer: Callable[..., Tenant],
    ready: Ready,
    effect: Effect,
    service: str,
    action: str,
    count: int,
) -> None:
    tenant = newcomer(f"Of {service}")
    api = stack.api(tenant)
    with faults.rule(effect, service=service, action=action, session="", count=count) as rule:
        document = api.post("/v1/documents", DOCUMENT).expect(202)["id"]
        ready(api, document)
        assert rule.hits == count
    assert len(Target.of(stack, tenant).vectors) == 1


@pytest.mark.after_everything
def test_nothing_was_given_up(stack: LocalStack) -> None:
    until(stack.messages, lambda left: left == 0, "the queue is worked off", 60)
    assert stack.messages("BasicDeadLetterQueueUrl") == 0, "a job or an event was given up"
