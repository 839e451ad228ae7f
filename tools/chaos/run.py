"""One run: sign up, a calm while, the plan, settling, and reading what is left."""

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

from .plan import LONG, SHORT, STORM, HandIn, Plan
from .reconcile import Accepted, Verdict, judge
from .settle import Operator, Releasing, State, look, settle
from .stores import Everything, findable, items, logged, read
from .tenants import Customer, Ears, Load, Taken, sign_up
from .trouble import Faults, Killer, Storming, Twice
from .watch import Sample, Watch, seconds_of

# The circuit tries again after two seconds at first, not thirty, and a tenant has half the workers, so
# that a run of minutes sees what days see on AWS. A message is taken for lost after several times what a
# worker may take, as there: on a busy machine jobs wait for longer than the other tests' twelve seconds.
PARAMETERS = {"CircuitCoolDown": "2", "BasicTenantJobs": "4", "VisibilityTimeout": "45"}
_CALM_EACH = 6
_CALM_FROM = 1_000_000
_CALM_SECONDS = 180.0
_RELEASE_EVERY = 5.0
_LOAD_PATIENCE = 20.0
_QUIET_SECONDS = 40.0
_TEMPLATE = "plain"


@dataclass(frozen=True)
class Waits:
    """How long a tenant's documents took from accepted to ready, seconds."""

    tenant: str
    calm: tuple[float, ...]
    storm: tuple[float, ...]


@dataclass
class Outcome:
    """All that a run found."""

    plan: Plan
    customers: list[Customer]
    verdict: Verdict
    samples: list[Sample]
    waits: list[Waits]
    settled: State
    # When the plan was over, when things had settled, seconds after the start.
    over: float
    settled_at: float
    figures: dict[str, Any] = field(default_factory=dict)
    kills: list[tuple[float, str]] = field(default_factory=list)


class Chaos:
    """Does a plan to a deployed stack."""

    def __init__(self, console: Console, stack: LocalStack, plan: Plan) -> None:
        self.console, self.stack, self.plan = console, stack, plan
        self.faults, self.killer = Faults(stack), Killer(stack)
        self._started = time.monotonic()
        self._kills: list[tuple[float, str]] = []

    def now(self) -> float:
        """Seconds after the plan's start; before it, negative."""
        return time.monotonic() - self._started

    def run(self, settle_seconds: float) -> Outcome:
        with self.console.step("sign up six tenants"):
            customers = sign_up(self.stack, self.plan)
            for customer in customers:
                customer.api.save_template(_TEMPLATE, "Answer from the passages.")
        words = {each.name: each.word for each in customers}
        ears = Ears(words)
        load = Load(customers, self.plan, ears, lambda: self._started)
        storming = Storming(self.stack, customers[STORM], self.plan.storm.milliseconds)
        twice = Twice(self.stack, customers, load)
        releasing = Releasing(self.stack, _RELEASE_EVERY)
        operator = Operator(self.stack)
        with self.console.step("hand in documents on a calm day"):
            self._calm(customers, load)
        watch = Watch(self.stack, customers, self.now, lambda: len(load.taken), self.faults.hits)
        self._started = time.monotonic()
        for each in (releasing, watch, load):
            each.start()
        with self.console.step(f"storm, faults and kills for {self.plan.seconds:.0f} s") as step:
            self._follow(storming, twice, load, operator, step, watch)
        over = self.now()
        with self.console.step("settle") as step:
            if self.plan.storm.repaired:
                storming.end()
            releasing.every = 1.0
            state = self._settle(customers, load, operator, watch, settle_seconds, step)
            releasing.stop()
            # A probe of the storming tenant's that release has just begun comes to its end.
            if state.left or not self.plan.storm.repaired:
                state = self._settle(customers, load, operator, watch, _QUIET_SECONDS, step)
        settled_at = self.now()
        watch.last()
        storming.end()
        with self.console.step("read what every store holds") as step:
            stores = [read(self.stack, customer) for customer in customers]
        with self.console.step("ask each tenant for the others' words"):
            own = [each.name for each in customers if self._asks(each, customers, ears)]
        with self.console.step("search all logs for the words"):
            in_logs, lines = logged(self.stack, words)
        taken = load.taken
        verdict = judge(
            [each.job for each in taken],
            [each.tenancy for each in stores],
            words,
            [*ears.crossed, *in_logs],
            own,
            watch.forgotten.values(),
        )
        return Outcome(
            plan=self.plan,
            customers=customers,
            verdict=verdict,
            samples=watch.samples,
            waits=[_waits(each, found, taken) for each, found in zip(customers, stores, strict=True)],
            settled=state,
            over=over,
            settled_at=settled_at,
            figures={
                "requests": dict(load.counts.statuses),
                "given up by the client": len(load.refused),
                "uploads sent again": load.counts.uploads_again,
                "faults": dict(self.faults.hits()),
                "killed": dict(self.killer.killed),
                "killed at work": self.killer.at_work,
                "messages sent again": twice.messages,
                "events sent again": twice.events,
                "events handed in again by the operator": operator.events,
                "jobs in the dead-letter queue": operator.jobs,
                "runs of release": releasing.runs,
                "runs of release that failed": releasing.failed,
                "answers heard": ears.answers,
                "log lines searched": lines,
                "dead letters by reason": _reasons(stores),
            },
            kills=self._kills,
        )

    # ── before ──────────────────────────────────────────────────────────────

    def _calm(self, customers: list[Customer], load: Load) -> None:
        """What waiting is like while nobody storms, and what each kind of document becomes."""
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
                f"on a calm day {customer.name} expects {wanted} and has {found}"
            )

    def _calm_one(self, customer: Customer, load: Load) -> None:
        for number in range(_CALM_EACH):
            shape = LONG if number == 1 else SHORT
            each = HandIn(-1.0, customer.number, _CALM_FROM + number, shape, number % 2 == 1)
            document = load.hand_in(customer, each)
            assert document, f"{customer.name} cannot hand in a document on a calm day"
            load.taken.append(
                Taken(customer.number, each, Accepted(customer.name, document, shape.passages), time.time())
            )
            time.sleep(0.4)

    # ── the plan ────────────────────────────────────────────────────────────

    def _follow(
        self, storming: Storming, twice: Twice, load: Load, operator: Operator, step: Step, watch: Watch
    ) -> None:
        for at, act in self._timeline(storming, twice):
            while (left := at - self.now()) > 0:
                time.sleep(min(left, 0.5))
                step.note(self._progress(load, watch))
            step.note(self._progress(load, watch))
            try:
                act()
            except (ClientError, BotoCoreError) as error:
                # The local AWS was too busy for us; the rest of the plan goes on.
                self.console.line(f"       skipped: {str(error)[:120]}")
        self.faults.end_all()
        # The load may be behind: it is handed in to its end, now without faults.
        deadline = time.monotonic() + max(_LOAD_PATIENCE, self.plan.seconds)
        while load.running and time.monotonic() < deadline:
            time.sleep(0.2)
            step.note(self._progress(load, watch))
        load.stop()
        operator.look()

    def _timeline(self, storming: Storming, twice: Twice) -> list[tuple[float, Callable[[], object]]]:
        plan, found = self.plan, []
        end = plan.seconds
        found.append((plan.storm.at, storming.begin))
        for trouble in plan.troubles:
            found.append((trouble.at, partial(self.faults.begin, trouble)))
            found.append((min(end, trouble.at + trouble.seconds), partial(self.faults.end, trouble)))
        found.extend((kill.at, partial(self._kill, kill)) for kill in plan.kills)
        found.extend((repeat.at, partial(twice.repeat, repeat)) for repeat in plan.repeats)
        for outage in plan.key_outages:
            found.append((outage.at, lambda: storming.key(False)))
            found.append((min(end, outage.at + outage.seconds), lambda: storming.key(True)))
        found.append((end, lambda: storming.key(True)))
        return sorted(found, key=lambda each: each[0])

    def _kill(self, kill: Any) -> None:
        if function := self.killer.kill(kill):
            self._kills.append((round(self.now(), 2), function))

    def _progress(self, load: Load, watch: Watch) -> str:
        last = watch.samples[-1] if watch.samples else None
        more = f", {last.unfinished} unfinished" if last else ""
        return f"{self.now():.0f} s, {len(load.taken)} accepted{more}, {sum(self.killer.killed.values())} killed"

    # ── after ───────────────────────────────────────────────────────────────

    def _settle(
        self, customers: list[Customer], load: Load, operator: Operator, watch: Watch, seconds: float, step: Step
    ) -> State:
        def held(customer: Customer) -> bool:
            return customer.storms and not self.plan.storm.repaired

        def tell(state: State) -> None:
            last = watch.samples[-1] if watch.samples else None
            more = f"; {last.waiting} messages, storming circuit {last.looks[STORM].circuit}" if last else ""
            step.note(f"{state.open} open, {state.parked} put aside, {state.unseen} on their way{more}")

        return settle(lambda: look(self.stack, customers, load.taken, held), operator, seconds, tell)

    def _asks(self, customer: Customer, customers: list[Customer], ears: Ears) -> bool:
        """Ask for all words; whether the tenant finds its own."""
        api = self.stack.api(customer.tenant)
        others = " or ".join(f"the {each.word}" for each in customers if each is not customer)
        ears.hear("asking for the others' words", customer.name, _ask(api, f"When does {others} leave?"))
        own = _ask(api, f"When does the {customer.word} leave?")
        ears.hear("asking for its own word", customer.name, own)
        for path in ("/v1/dead-letters?limit=100", "/v1/documents?limit=100"):
            ears.hear(f"GET {path}", customer.name, customer.api.get(path).text)
        return customer.word in own


def _ask(api: Api, question: str) -> str:
    body = {"template": _TEMPLATE, "question": question, "retrieval": {"limit": 20}}
    # The tenant may be over its rate for a moment.
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


def _waits(customer: Customer, found: Everything, taken: list[Taken]) -> Waits:
    calm: list[float] = []
    storm: list[float] = []
    for each in taken:
        if each.customer == customer.number and (ready := found.ready.get(each.job.document)):
            into = calm if each.hand_in.number >= _CALM_FROM else storm
            # Ready before its answer had arrived here is no wait at all.
            into.append(max(0.0, seconds_of(ready) - each.at))
    return Waits(customer.name, tuple(calm), tuple(storm))


def _reasons(stores: list[Everything]) -> dict[str, int]:
    return dict(Counter(reason for each in stores for _, reason in each.tenancy.dead))


def percentile(values: tuple[float, ...], part: float) -> float | None:
    """The nearest rank; none of no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None
