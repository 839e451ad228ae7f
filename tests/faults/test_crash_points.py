"""Whoever works on a job may die between any two of its steps: the job is done once all the same.

A process that dies at a step, and one whose every call from there on is cut off, leave the same behind:
what was written before, and nothing after. So each case lets a number of the tenant's calls through and
cuts all others, before they arrive or on their way back, until the worker has given up; then the line is
good again. Each case is a tenant of its own, and all of them are under way at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.aws import Tenant
from local.client import Api, send
from local.faults.client import InForce
from local.faults.effects import DropAfter, DropBefore, Effect
from local.intrusion import Target
from local.poll import until
from local.stack import LocalStack

CONTENT = b"The ferry leaves at seven."
# More calls than intake, worker and release make for one document, sessions and keys included.
STEPS = 40
SECONDS = 150.0


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
    hits: int = field(default=0)


@pytest.fixture(scope="module")
def done(stack: LocalStack, newcomer: Callable[..., Tenant]) -> Iterator[dict[Case, Underway]]:
    """Every case begun, cut off, and brought to its end."""
    cases: dict[Case, Underway] = {}
    with ExitStack() as rules:
        for case in CASES:
            tenant = newcomer(f"Cut off: {case}")
            api = stack.api(tenant)
            about = {"title": "Ferry", "content_type": "text/plain", "bytes": len(CONTENT)}
            slot = api.post("/v1/documents/uploads", about).expect(201)
            # The upload is signed by the tenant's session as well.
            skip = case.step + 1
            rule = rules.enter_context(stack.faults.rule(case.effect, session=tenant.id, skip=skip))
            upload = slot["upload"]
            assert send(upload["method"], upload["url"], CONTENT, upload["headers"]).status == 200
            cases[case] = Underway(tenant, api, slot["document"]["id"], rule)
        # Whoever is cut off tries each call three times; from then on nobody works for it.
        waiting = dict(cases)

        def cut_off() -> int:
            for case, each in list(waiting.items()):
                each.hits = each.rule.hits
                if each.hits >= 3 or _status(stack, each) == "ready":
                    del waiting[case]
            return len(waiting)

        until(cut_off, lambda left: left == 0, "all are cut off or done", SECONDS)
    unfinished = dict(cases)

    def finish() -> list[str]:
        stack.release()
        for case, each in list(unfinished.items()):
            if _status(stack, each) == "ready" and not _jobs(stack, each):
                del unfinished[case]
        return [str(case) for case in unfinished]

    until(finish, lambda left: not left, "all are done", SECONDS, every=0.5)
    yield cases


def _status(stack: LocalStack, each: Underway) -> str:
    return _items(stack, each, f"DOCUMENT#{each.document}")[0]["status"]["S"]


def _jobs(stack: LocalStack, each: Underway) -> list[Any]:
    return [item for prefix in ("JOB#", "PARKED#", "DEAD#") for item in _items(stack, each, prefix)]


def _items(stack: LocalStack, each: Underway, prefix: str) -> list[dict[str, Any]]:
    return stack.account.client("dynamodb").query(
        TableName=stack.outputs["DataTable"], ConsistentRead=True,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": each.tenant.partition}, ":sk": {"S": prefix}},
    )["Items"]  # fmt: skip


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
