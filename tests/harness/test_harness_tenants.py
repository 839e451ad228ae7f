"""Fifty tenants at once, environments that freeze and die at any moment, and nothing crosses."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tools.devstack.aws import Tenant
from tools.devstack.events import load, with_body
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack
from tools.harness import bootstraps
from tools.harness.canaries import canary, foreign_canaries
from tools.harness.driver import Harness, Invoked
from tools.harness.hosting import connected, hosted, pipeline_paused, sealed_job, take_jobs

TENANTS, DOCUMENTS, ROUNDS, CALLERS = 50, 2, 8, 12
# What a round reads, in an order of its own each time.
READS = ["template"] * 4 + ["documents"] * 2 + ["ask"]
KILL_PROBABILITY, KILL_WITHIN_MS = 0.04, 60
LEAST_REQUESTS, LEAST_KILLS = 3000, 60
# A killed call is made again; so often in a row, something else is wrong.
PATIENCE = 30
PENDING = (409, 429, 503)
SHARED = ("intake", "dispatch")


@dataclass
class Judge:
    """Looks at every answer, and counts."""

    crossings: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def see(self, tenant: str, call: str, invoked: Invoked) -> None:
        found = foreign_canaries(invoked.text, tenant)
        with self._lock:
            self.outcomes[invoked.error or "answered"] += 1
            if found:
                self.crossings.append(f"{call} of {tenant} was shown {found}")

    @property
    def requests(self) -> int:
        return sum(self.outcomes.values())


class Customer:
    """One tenant, what it has, and what it does. Its calls go through the judge."""

    def __init__(self, harness: Harness, tenant: Tenant, bucket: str, judge: Judge, seed: str) -> None:
        self.tenant, self.word = tenant, canary(tenant.id)
        self.documents: set[str] = set()
        self._harness, self._bucket, self._judge = harness, bucket, judge
        self._random = random.Random(f"{seed} {tenant.name}")

    def _call(self, function: str, event: Any, *statuses: int) -> Any:
        """Ask until the answer comes; a killed environment answers with an error, or nothing."""
        for _ in range(PATIENCE):
            invoked = self._harness.invoke(function, event, self.tenant.id if function not in SHARED else None)
            self._judge.see(self.tenant.id, function, invoked)
            if invoked.status == 429 or invoked.error == "Runtime.ExitError":
                continue
            answer = invoked.payload
            if not statuses:
                return answer
            if answer["statusCode"] in statuses:
                return json.loads(answer["body"])
            assert answer["statusCode"] in PENDING, f"{function}: {answer}"
        raise AssertionError(f"{function} did not answer {self.tenant.name} in {PATIENCE} calls")

    def _event(self, name: str, **values: str) -> Any:
        return load(name, tenant=self.tenant.id, token="none", bucket=self._bucket, **values)

    def begin(self) -> None:
        """Save a template, hand in documents and take them in."""
        body = {"body": f'Begin every answer with "{self.word}:".', "description": self.word}
        self._call("templates", with_body(self._event("templates-put"), body), 200, 201)
        for number in range(DOCUMENTS):
            body = {
                "title": f"Page {number} of {self.word}",
                "content_type": "text/plain",
                "content": f"The password of room {number} is {self.word}. It changes on Mondays.",
            }
            created = with_body(self._event("documents-create"), body)
            document = self._call("documents", created, 202)["id"]
            self.documents.add(document)
            self._call("intake", self._event("intake", document=document))

    def listed(self) -> dict[str, str]:
        """The status of each of its documents, by id.

        More than were counted may be there: a call that was killed after it had its effect.
        """
        found = self._call("documents", self._event("documents-list"), 200)["documents"]
        assert all(self.word in each["title"] for each in found), found
        assert {each["id"] for each in found} >= self.documents
        return {each["id"]: each["status"] for each in found}

    def template(self) -> None:
        found = self._call("templates", self._event("templates-get"), 200)
        assert self.word in found["body"] and found["description"] == self.word, found

    def ask(self) -> list[str]:
        """Answers from its own passages, once there are any; the titles of those."""
        question = {"template": "reading_room", "question": "What is the password of room 1?"}
        found = self._call("inference", with_body(self._event("inference"), question), 200)
        assert found["answer"].startswith(f"{self.word}:"), found
        return [each["title"] for each in found["citations"]]

    def round(self) -> None:
        reads: dict[str, Callable[[], Any]] = {
            "template": self.template,
            "documents": self.listed,
            "ask": self.ask,
        }
        for name in self._random.sample(READS, len(READS)):
            reads[name]()

    def whole(self) -> None:
        """At the end: everything is there, and all of it is its own."""
        statuses = self.listed()
        assert {statuses[each] for each in self.documents} == {"ready"}, statuses
        self.template()
        assert len(self.ask()) >= DOCUMENTS


class Dispatching:
    """The event source mapping's part: batches that mix tenants, again where a job failed."""

    def __init__(self, stack: LocalStack, harness: Harness, judge: Judge) -> None:
        self._stack, self._harness, self._judge = stack, harness, judge
        self._template = load(
            "dispatch",
            tenant="t",
            document="d",
            sealed="s",
            other_tenant="t",
            other_document="d",
            other_sealed="s",
        )["Records"][0]
        self._waiting: deque[tuple[str, Any]] = deque()
        self._enough = threading.Event()
        self.mixed = 0

    def run(self) -> None:
        while not self._enough.is_set():
            self._waiting.extend(sealed_job(each) for each in take_jobs(self._stack))
            batch = [self._waiting.popleft() for _ in range(min(4, len(self._waiting)))]
            if not batch:
                # Whose worker was killed is found again as lost once its lease is over.
                self._stack.sweep()
                self._enough.wait(0.05)
                continue
            self.mixed += len({tenant for tenant, _ in batch}) > 1
            self._waiting.extend(self._failed(batch))

    def end(self) -> None:
        self._enough.set()

    def _failed(self, batch: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        records = [
            {
                **self._template,
                "messageId": str(number),
                "body": json.dumps(job),
                "attributes": {**self._template["attributes"], "MessageGroupId": tenant},
            }
            for number, (tenant, job) in enumerate(batch)
        ]
        invoked = self._harness.invoke("dispatch", {"Records": records})
        self._judge.see("nobody", "dispatch", invoked)
        if invoked.status != 200 or invoked.function_error:
            return batch
        failed = {each["itemIdentifier"] for each in invoked.payload["batchItemFailures"]}
        return [job for number, job in enumerate(batch) if str(number) in failed]


def _logs_are_their_own(harness: Harness, tenants: list[Tenant]) -> None:
    """What an environment wrote, and who was sent to it."""
    ids = {each.id for each in tenants}
    status = harness.status()
    assert status["crossings"] == 0
    for function in status["functions"].values():
        if function["isolation"] != "PER_TENANT":
            continue
        for each in function["environments"]:
            assert set(each["delivered"]) <= {each["tenant"]}, each
            text = Path(each["log"]).read_text()
            others = {other for other in ids - {each["tenant"]} if other in text}
            assert not others and not foreign_canaries(text, each["tenant"]), each["log"]


def test_fifty_tenants_with_random_kills(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("HARNESS_SEED") or random.SystemRandom().randrange(2**32))
    judge, started = Judge(), time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        tenants = list(pool.map(stack.onboard, [f"Tenant {n}" for n in range(TENANTS)]))
    onboarded = time.monotonic() - started
    with pipeline_paused(stack), hosted(stack, reserved=40) as functions:
        with Harness(stack.state / "fifty", **connected(functions), seed=seed) as harness:
            customers = [Customer(harness, each, stack.outputs["BasicBucket"], judge, str(seed)) for each in tenants]
            dispatching = Dispatching(stack, harness, judge)
            harness.chaos(KILL_PROBABILITY, KILL_WITHIN_MS)
            with ThreadPoolExecutor(CALLERS + 1) as pool:
                queue = pool.submit(dispatching.run)
                try:
                    for done in [pool.submit(each.begin) for each in customers]:
                        done.result()
                    rounds = [pool.submit(each.round) for _ in range(ROUNDS) for each in customers]
                    for done in rounds:
                        done.result()
                        if judge.requests % 20 == 0:
                            # Also those that nobody is using.
                            harness.kill(n=1)
                    harness.chaos(0.0, 0)
                    _until_ready(customers)
                finally:
                    dispatching.end()
                queue.result()
                for done in [pool.submit(each.whole) for each in customers]:
                    done.result()
            _logs_are_their_own(harness, tenants)
            functions_seen = harness.status()["functions"].values()
            working = sum(each["kills_working"] for each in functions_seen)
            idle = sum(each["kills_idle"] for each in functions_seen)
            starts = sum(each["starts"] for each in functions_seen)
            other = {each["ending"] for f in functions_seen for each in f["environments"]}
    with capsys.disabled():
        print(
            f"\n  requests {judge.requests}, kills {working + idle}, crossings {len(judge.crossings)}\n"
            f"  {TENANTS} tenants onboarded in {onboarded:.0f} s, then "
            f"{time.monotonic() - started - onboarded:.0f} s; {starts} environments, {working} killed at "
            f"work, {idle} idle or frozen; {dispatching.mixed} batches of several tenants\n"
            f"  outcomes {dict(judge.outcomes)}; HARNESS_SEED={seed} repeats the choices"
        )
    assert not judge.crossings, judge.crossings[:5]
    assert judge.requests >= LEAST_REQUESTS and working + idle >= LEAST_KILLS, "too little happened"
    assert working > 0 and idle > 0 and dispatching.mixed > 0
    assert other == {None, "exited with error: signal: killed"}, f"some ended by themselves: {other}"


def _until_ready(customers: list[Customer]) -> None:
    """Jobs that were killed come again; nothing kills them any more."""
    for customer in customers:
        until(
            lambda: [customer.listed()[each] for each in customer.documents],  # noqa: B023
            lambda statuses: set(statuses) == {"ready"},
            f"the documents of {customer.tenant.name} are ready",
            seconds=60,
        )


def test_the_judge_finds_a_function_that_remembers(small: Callable[..., Harness]) -> None:
    """The control: the same judge, before a function that keeps what it was given."""
    harness = small(bootstraps.REMEMBERS, isolation="NONE")
    judge = Judge()
    for tenant in ("a" * 16, "b" * 16):
        judge.see(tenant, "f", harness.invoke("f", canary(tenant)))
    assert judge.requests == 2 and len(judge.crossings) == 1
    assert "b" * 16 in judge.crossings[0]
