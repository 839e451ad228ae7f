"""One run: onboard, calm phase, plan, drain, and read the stores."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.devstack.client import Api
from tools.devstack.console import Console, Step
from tools.devstack.poll import TooLate, until
from tools.devstack.stack import LocalStack

from .drain import Operator, SchedulerRuns, State, read_state, wait_until_idle
from .injection import Faults, Killer, Repeater, StormCause
from .plan import LONG, SHORT, STORM, Plan, Submission
from .reconcile import Accepted, Verdict, judge
from .stores import StoreContents, findable, items, logged, read
from .tenants import Customer, LeakDetector, Load, Receipt, sign_up
from .watch import Sample, Watch, seconds_of

# The circuit's first cool-down is 2 s instead of 30 s, and a tenant has half the worker slots. So a run of minutes
# covers what takes days on AWS. A message counts as lost after several times a worker's time-out, as on AWS:
# on a busy machine jobs wait longer than the 12 s of the other tests.
PARAMETERS = {"CircuitCoolDown": "2", "BasicTenantJobs": "4", "VisibilityTimeout": "45"}
_CALM_EACH = 6
_CALM_FROM = 1_000_000
_CALM_SECONDS = 180.0
_SCHEDULER_EVERY = 5.0
_LOAD_PATIENCE = 20.0
_QUIET_SECONDS = 40.0
_TEMPLATE = "plain"


@dataclass(frozen=True)
class Waits:
    """Seconds from accepted to ready of a tenant's documents, before and during the storm."""

    tenant: str
    calm: tuple[float, ...]
    storm: tuple[float, ...]


@dataclass
class Outcome:
    """The result of a run."""

    plan: Plan
    customers: list[Customer]
    verdict: Verdict
    samples: list[Sample]
    waits: list[Waits]
    final: State
    # End of the plan and end of the drain, in seconds after the start.
    over: float
    drained_at: float
    figures: dict[str, Any] = field(default_factory=dict)
    kills: list[tuple[float, str]] = field(default_factory=list)


class Chaos:
    """Applies a plan to a deployed stack."""

    def __init__(self, console: Console, stack: LocalStack, plan: Plan) -> None:
        self.console, self.stack, self.plan = console, stack, plan
        self.faults, self.killer = Faults(stack), Killer(stack)
        self._started = time.monotonic()
        self._kills: list[tuple[float, str]] = []

    def now(self) -> float:
        """Returns the seconds since the plan's start."""
        return time.monotonic() - self._started

    def run(self, idle_seconds: float) -> Outcome:
        with self.console.step("onboard six tenants"):
            customers = sign_up(self.stack, self.plan)
            for customer in customers:
                customer.api.save_template(_TEMPLATE, "Answer from the passages.")
        words = {each.name: each.word for each in customers}
        detector = LeakDetector(words)
        load = Load(customers, self.plan, detector, lambda: self._started)
        cause = StormCause(self.stack, customers[STORM], self.plan.storm.milliseconds)
        repeater = Repeater(self.stack, customers, load)
        scheduler_runs = SchedulerRuns(self.stack, _SCHEDULER_EVERY)
        operator = Operator(self.stack)
        with self.console.step("upload documents before the storm"):
            self._calm(customers, load)
        watch = Watch(self.stack, customers, self.now, lambda: len(load.receipts), self.faults.hits)
        self._started = time.monotonic()
        for each in (scheduler_runs, watch, load):
            each.start()
        with self.console.step(f"storm, faults and kills for {self.plan.seconds:.0f} s") as step:
            self._follow(cause, repeater, load, operator, step, watch)
        over = self.now()
        with self.console.step("wait until the stack is idle") as step:
            if self.plan.storm.repaired:
                cause.end()
            scheduler_runs.every = 1.0
            state = self._drain(customers, load, operator, watch, idle_seconds, step)
            scheduler_runs.stop()
            # A probe of the storming tenant may have just started.
            if state.left or not self.plan.storm.repaired:
                state = self._drain(customers, load, operator, watch, _QUIET_SECONDS, step)
        drained_at = self.now()
        watch.last()
        cause.end()
        with self.console.step("read the stores") as step:
            stores = [read(self.stack, customer) for customer in customers]
        with self.console.step("ask as each tenant for the words of the others"):
            own = [each.name for each in customers if self._asks(each, customers, detector)]
        with self.console.step("search all logs for the words"):
            in_logs, lines = logged(self.stack, words)
        receipts = load.receipts
        verdict = judge(
            [each.job for each in receipts],
            [each.tenancy for each in stores],
            words,
            [*detector.crossed, *in_logs],
            own,
            watch.forgotten.values(),
        )
        return Outcome(
            plan=self.plan,
            customers=customers,
            verdict=verdict,
            samples=watch.samples,
            waits=[_waits(each, found, receipts) for each, found in zip(customers, stores, strict=True)],
            final=state,
            over=over,
            drained_at=drained_at,
            figures={
                "requests": dict(load.counts.statuses),
                "documents never accepted": len(load.refused),
                "uploads sent again": load.counts.uploads_again,
                "faults": dict(self.faults.hits()),
                "killed": dict(self.killer.killed),
                "killed while busy": self.killer.at_work,
                "messages sent again": repeater.messages,
                "events sent again": repeater.events,
                "events sent again by the operator": operator.events,
                "jobs in the dead-letter queue": operator.jobs,
                "sweeps": scheduler_runs.runs,
                "sweeps that failed": scheduler_runs.failed,
                "answers checked": detector.answers,
                "log lines searched": lines,
                "dead letters by reason": _reasons(stores),
            },
            kills=self._kills,
        )

    # ── before the plan─────────────────────────────────────────────────────

    def _calm(self, customers: list[Customer], load: Load) -> None:
        """Measures waits before the storm and checks that each kind of document becomes ready."""
        threads = [Thread(target=self._calm_one, args=(each, load), daemon=True) for each in customers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for customer in customers:
            wanted = {each.job.document: each.job.passages for each in load.of(customer.number)}
            found = until(
                partial(_records, self.stack, customer),
                _all_ready,
                "the calm documents are ready",
                _CALM_SECONDS,
            )
            assert found == {document: ("ready", count) for document, count in wanted.items()}, (
                f"before the storm {customer.name} expects {wanted} and has {found}"
            )

    def _calm_one(self, customer: Customer, load: Load) -> None:
        for number in range(_CALM_EACH):
            shape = LONG if number == 1 else SHORT
            each = Submission(-1.0, customer.number, _CALM_FROM + number, shape, number % 2 == 1)
            document = load.submit(customer, each)
            assert document, f"{customer.name} cannot upload a document before the storm"
            load.receipts.append(
                Receipt(customer.number, each, Accepted(customer.name, document, shape.passages), time.time())
            )
            time.sleep(0.4)

    # ── the plan ────────────────────────────────────────────────────────────

    def _follow(
        self, cause: StormCause, repeater: Repeater, load: Load, operator: Operator, step: Step, watch: Watch
    ) -> None:
        for at, act in self._timeline(cause, repeater):
            while (left := at - self.now()) > 0:
                time.sleep(min(left, 0.5))
                step.note(self._progress(load, watch))
            step.note(self._progress(load, watch))
            try:
                act()
            except (ClientError, BotoCoreError) as error:
                # The local AWS is too busy; the plan continues.
                self.console.line(f"       skipped: {str(error)[:120]}")
        self.faults.end_all()
        # The load may be late: the rest is uploaded without faults.
        deadline = time.monotonic() + max(_LOAD_PATIENCE, self.plan.seconds)
        while load.running and time.monotonic() < deadline:
            time.sleep(0.2)
            step.note(self._progress(load, watch))
        load.stop()
        operator.resend_events()

    def _timeline(self, cause: StormCause, repeater: Repeater) -> list[tuple[float, Callable[[], object]]]:
        plan, found = self.plan, []
        end = plan.seconds
        found.append((plan.storm.at, cause.begin))
        for window in plan.fault_windows:
            found.append((window.at, partial(self.faults.begin, window)))
            found.append((min(end, window.at + window.seconds), partial(self.faults.end, window)))
        found.extend((kill.at, partial(self._kill, kill)) for kill in plan.kills)
        found.extend((repeat.at, partial(repeater.repeat, repeat)) for repeat in plan.repeats)
        for outage in plan.key_outages:
            found.append((outage.at, lambda: cause.key(False)))
            found.append((min(end, outage.at + outage.seconds), lambda: cause.key(True)))
        found.append((end, lambda: cause.key(True)))
        return sorted(found, key=lambda each: each[0])

    def _kill(self, kill: Any) -> None:
        if function := self.killer.kill(kill):
            self._kills.append((round(self.now(), 2), function))

    def _progress(self, load: Load, watch: Watch) -> str:
        last = watch.samples[-1] if watch.samples else None
        more = f", {last.unfinished} unfinished" if last else ""
        return f"{self.now():.0f} s, {len(load.receipts)} accepted{more}, {sum(self.killer.killed.values())} killed"

    # ── after the plan ──────────────────────────────────────────────────────

    def _drain(
        self, customers: list[Customer], load: Load, operator: Operator, watch: Watch, seconds: float, step: Step
    ) -> State:
        def held(customer: Customer) -> bool:
            return customer.storms and not self.plan.storm.repaired

        def tell(state: State) -> None:
            last = watch.samples[-1] if watch.samples else None
            more = f"; {last.visible} messages, storming circuit {last.tenants[STORM].circuit}" if last else ""
            step.note(f"{state.open} open, {state.waiting} waiting, {state.unseen} without a job yet{more}")

        return wait_until_idle(lambda: read_state(self.stack, customers, load.receipts, held), operator, seconds, tell)

    def _asks(self, customer: Customer, customers: list[Customer], detector: LeakDetector) -> bool:
        """Asks for all words. Returns whether the tenant finds its own."""
        api = self.stack.api(customer.tenant)
        others = " or ".join(f"the {each.word}" for each in customers if each is not customer)
        detector.check("asking for the words of the others", customer.name, _ask(api, f"When does {others} leave?"))
        own = _ask(api, f"When does the {customer.word} leave?")
        detector.check("asking for its own word", customer.name, own)
        for path in ("/v1/dead-letters?limit=100", "/v1/documents?limit=100"):
            detector.check(f"GET {path}", customer.name, customer.api.get(path).text)
        return customer.word in own


def _ask(api: Api, question: str) -> str:
    body = {"template": _TEMPLATE, "question": question, "retrieval": {"limit": 20}}
    # The tenant may be over its rate limit.
    try:
        answer = until(lambda: api.post("/v1/inference", body), lambda seen: seen.status == 200, "an answer", 20)
    except TooLate:
        return ""
    return answer.text


def _records(stack: LocalStack, customer: Customer) -> dict[str, tuple[str, int]]:
    return {
        each["id"]["S"]: (each["status"]["S"], findable(each))
        for each in items(stack, customer, "DOCUMENT#", "DOCUMENT$")
    }


def _all_ready(found: dict[str, tuple[str, int]]) -> bool:
    return all(status == "ready" for status, _ in found.values())


def _waits(customer: Customer, found: StoreContents, receipts: list[Receipt]) -> Waits:
    calm: list[float] = []
    storm: list[float] = []
    for each in receipts:
        if each.customer == customer.number and (ready := found.ready.get(each.job.document)):
            into = calm if each.submission.number >= _CALM_FROM else storm
            # The document may be ready before the client receives the answer.
            into.append(max(0.0, seconds_of(ready) - each.at))
    return Waits(customer.name, tuple(calm), tuple(storm))


def _reasons(stores: list[StoreContents]) -> dict[str, int]:
    return dict(Counter(reason for each in stores for _, reason in each.tenancy.dead))


def percentile(values: tuple[float, ...], part: float) -> float | None:
    """Returns the percentile by nearest rank, or None without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None
