"""Fifty tenants at once while environments are frozen and killed: no data reaches another tenant."""

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
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack
from tools.harness import bootstraps
from tools.harness.canaries import canary, foreign_canaries
from tools.harness.driver import Harness, Invoked
from tools.harness.hosting import connected, hosted, pipeline_paused, take_jobs, work_of
from tools.sample_events.events import load, with_body

TENANTS, DOCUMENTS, ROUNDS, CALLERS = 50, 2, 8, 12
# The reads of a round, in random order.
READS = ["template"] * 4 + ["documents"] * 2 + ["ask"]
KILL_PROBABILITY, KILL_WITHIN_MS = 0.04, 60
MIN_REQUESTS, MIN_KILLS = 3000, 60
# Maximum attempts of one call; after that the kills are not the cause.
MAX_ATTEMPTS = 30
PENDING = (409, 429, 503)
SHARED = ("intake", "dispatch")


@dataclass
class Judge:
    """Searches every answer for other tenants' words, and counts outcomes."""

    crossings: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, tenant: str, call: str, invoked: Invoked) -> None:
        found = foreign_canaries(invoked.text, tenant)
        with self._lock:
            self.outcomes[invoked.error or "answered"] += 1
            if found:
                self.crossings.append(f"{call} of {tenant} got {found}")

    @property
    def requests(self) -> int:
        return sum(self.outcomes.values())


class Customer:
    """One tenant with its data and calls. The judge checks every answer."""

    def __init__(self, harness: Harness, tenant: Tenant, bucket: str, judge: Judge, seed: str) -> None:
        self.tenant, self.word = tenant, canary(tenant.id)
        self.documents: set[str] = set()
        self._harness, self._bucket, self._judge = harness, bucket, judge
        self._random = random.Random(f"{seed} {tenant.name}")

    def _call(self, function: str, event: Any, *statuses: int) -> Any:
        """Repeats a call until it is answered; a killed environment answers with an error or not at all."""
        for _ in range(MAX_ATTEMPTS):
            invoked = self._harness.invoke(function, event, self.tenant.id if function not in SHARED else None)
            self._judge.check(self.tenant.id, function, invoked)
            if invoked.status == 429 or invoked.error == "Runtime.ExitError":
                continue
            answer = invoked.payload
            if not statuses:
                return answer
            if answer["statusCode"] in statuses:
                return json.loads(answer["body"])
            assert answer["statusCode"] in PENDING, f"{function}: {answer}"
        raise AssertionError(f"{function} did not answer {self.tenant.name} in {MAX_ATTEMPTS} calls")

    def _event(self, name: str, **values: str) -> Any:
        return load(name, tenant=self.tenant.id, token="none", bucket=self._bucket, **values)

    def add_data(self) -> None:
        """Saves a prompt template, adds documents and sends their events to intake."""
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
        """Returns the statuses of the tenant's documents by id.

        There may be more documents than counted: a call may be killed after it took effect.
        """
        found = self._call("documents", self._event("documents-list"), 200)["documents"]
        assert all(self.word in each["title"] for each in found), found
        assert {each["id"] for each in found} >= self.documents
        return {each["id"]: each["status"] for each in found}

    def template(self) -> None:
        found = self._call("templates", self._event("templates-get"), 200)
        assert self.word in found["body"] and found["description"] == self.word, found

    def ask(self) -> list[str]:
        """Asks a question, checks the answer and returns the titles of its citations."""
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

    def check_everything(self) -> None:
        """Checks at the end that all data is present and belongs to the tenant."""
        statuses = self.listed()
        assert {statuses[each] for each in self.documents} == {"ready"}, statuses
        self.template()
        assert len(self.ask()) >= DOCUMENTS


class DispatchLoop:
    """Acts as the event source mapping: sends batches of several tenants and repeats failed jobs."""

    def __init__(self, stack: LocalStack, harness: Harness, judge: Judge) -> None:
        self._stack, self._harness, self._judge = stack, harness, judge
        self._template = load(
            "dispatch",
            tenant="t",
            bucket="b",
            document="d",
            other_tenant="t",
            other_document="d",
        )["Records"][0]
        self._waiting: deque[tuple[str, Any]] = deque()
        self._stop = threading.Event()
        self.mixed = 0

    def run(self) -> None:
        while not self._stop.is_set():
            self._waiting.extend(work_of(each) for each in take_jobs(self._stack))
            batch = [self._waiting.popleft() for _ in range(min(4, len(self._waiting)))]
            if not batch:
                # The scheduler requeues jobs of killed workers when their lease expires.
                self._stack.sweep()
                self._stop.wait(0.05)
                continue
            self.mixed += len({tenant for tenant, _ in batch}) > 1
            self._waiting.extend(self._dispatch(batch))

    def stop(self) -> None:
        self._stop.set()

    def _dispatch(self, batch: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
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
        self._judge.check("no tenant", "dispatch", invoked)
        if invoked.status != 200 or invoked.function_error:
            return batch
        failed = {each["itemIdentifier"] for each in invoked.payload["batchItemFailures"]}
        return [job for number, job in enumerate(batch) if str(number) in failed]


def _assert_logs_have_no_foreign_data(harness: Harness, tenants: list[Tenant]) -> None:
    """Checks each environment's log and delivered tenants."""
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
            dispatch_loop = DispatchLoop(stack, harness, judge)
            harness.chaos(KILL_PROBABILITY, KILL_WITHIN_MS)
            with ThreadPoolExecutor(CALLERS + 1) as pool:
                queue = pool.submit(dispatch_loop.run)
                try:
                    for done in [pool.submit(each.add_data) for each in customers]:
                        done.result()
                    rounds = [pool.submit(each.round) for _ in range(ROUNDS) for each in customers]
                    for done in rounds:
                        done.result()
                        if judge.requests % 20 == 0:
                            # Also kills idle environments.
                            harness.kill(n=1)
                    harness.chaos(0.0, 0)
                    _wait_ready(customers)
                finally:
                    dispatch_loop.stop()
                queue.result()
                for done in [pool.submit(each.check_everything) for each in customers]:
                    done.result()
            _assert_logs_have_no_foreign_data(harness, tenants)
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
            f"work, {idle} idle or frozen; {dispatch_loop.mixed} batches of several tenants\n"
            f"  outcomes {dict(judge.outcomes)}; HARNESS_SEED={seed} repeats the choices"
        )
    assert not judge.crossings, judge.crossings[:5]
    assert judge.requests >= MIN_REQUESTS and working + idle >= MIN_KILLS, "too few requests or kills"
    assert working > 0 and idle > 0 and dispatch_loop.mixed > 0
    assert other == {None, "exited with error: signal: killed"}, f"some environments ended without a kill: {other}"


def _wait_ready(customers: list[Customer]) -> None:
    """Waits until all documents are ready; nothing kills environments any more."""
    for customer in customers:
        until(
            lambda: [customer.listed()[each] for each in customer.documents],  # noqa: B023
            lambda statuses: set(statuses) == {"ready"},
            f"the documents of {customer.tenant.name} are ready",
            seconds=60,
        )


def test_judge_detects_a_function_with_shared_state(start_harness: Callable[..., Harness]) -> None:
    """The control: a function that keeps data of earlier invocations."""
    harness = start_harness(bootstraps.REMEMBERS, isolation="NONE")
    judge = Judge()
    for tenant in ("a" * 16, "b" * 16):
        judge.check(tenant, "f", harness.invoke("f", canary(tenant)))
    assert judge.requests == 2 and len(judge.crossings) == 1
    assert "b" * 16 in judge.crossings[0]
