"""Looks at the run about once a second, cheaply: one local AWS answers us and the product alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from threading import Event, Thread
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.devstack.stack import LocalStack

from .stores import circuit_of, items
from .tenants import Customer

_EVERY = 1.0
_LEAST_PAUSE = 0.3
# Thousands of waiting jobs take a while to read: that tenant is looked at again after so many times that.
_REST = 12


@dataclass(frozen=True)
class Look:
    """One tenant at one moment."""

    open: int
    parked: int
    dead: int
    # Seconds since the oldest job that is not done was accepted.
    oldest: float
    circuit: str


@dataclass(frozen=True)
class Sample:
    """One moment, in seconds after the start."""

    at: float
    waiting: int
    in_flight: int
    buried: int
    accepted: int
    looks: tuple[Look, ...]
    # Calls that faults happened to, until now, by kind.
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def unfinished(self) -> int:
        return sum(each.open + each.parked for each in self.looks)


class Watch:
    """Samples in a thread of its own, until it is told that it is enough."""

    def __init__(
        self,
        stack: LocalStack,
        customers: list[Customer],
        now: Callable[[], float],
        accepted: Callable[[], int],
        faults: Callable[[], dict[str, int]],
    ) -> None:
        self._stack, self._customers = stack, customers
        self._now, self._accepted, self._faults = now, accepted, faults
        self._enough = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self.samples: list[Sample] = []
        self._looks: dict[int, tuple[float, Look]] = {}
        # Jobs without an entry in the backlog, each once.
        self.forgotten: dict[tuple[str, str], str] = {}

    def start(self) -> None:
        self._thread.start()

    def last(self) -> None:
        """One more look, and none after it."""
        self._enough.set()
        self._thread.join()
        self._looks.clear()
        self.samples.append(self.sample())

    def sample(self) -> Sample:
        waiting, in_flight = self._depth("BasicQueueUrl")
        return Sample(
            at=round(self._now(), 2),
            waiting=waiting,
            in_flight=in_flight,
            buried=sum(self._depth("BasicDeadLetterQueueUrl")),
            accepted=self._accepted(),
            looks=tuple(self._kept_look(each) for each in self._customers),
            faults=dict(self._faults()),
        )

    def _run(self) -> None:
        pause = 0.0
        while not self._enough.wait(pause):
            began = time.monotonic()
            # A busy machine: the next sample will do.
            with suppress(ClientError, BotoCoreError, OSError, AssertionError):
                self.samples.append(self.sample())
            took = time.monotonic() - began
            pause = max(_LEAST_PAUSE, _EVERY - took)

    def _depth(self, queue: str) -> tuple[int, int]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._stack.account.client("sqs").get_queue_attributes(
            QueueUrl=self._stack.outputs[queue], AttributeNames=names
        )["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def _kept_look(self, customer: Customer) -> Look:
        """The last look while it is fresh, in proportion to what it took."""
        began = time.monotonic()
        due, kept = self._looks.get(customer.number, (0.0, None))
        if kept is None or began >= due:
            kept = self._look(customer)
            now = time.monotonic()
            self._looks[customer.number] = now + _REST * (now - began) - _EVERY, kept
        return kept

    def _look(self, customer: Customer) -> Look:
        circuit: dict[str, Any] | None = None
        dead = 0
        # What lies between these and the jobs are the documents, by far the most.
        for item in items(self._stack, customer, "CIRCUIT", "DEAD$", "sk circuit"):
            if item["sk"]["S"] == "CIRCUIT":
                circuit = item
            else:
                dead += 1
        jobs = self._jobs(customer)
        if jobs and not self._in_backlog(customer):
            # An entry is there for as long as a job is: those that still are had none just now.
            for place, accepted in jobs.items() & self._jobs(customer).items():
                told = f"{customer.name} {place} of {accepted}, seen at {self._now():.0f} s"
                self.forgotten.setdefault((place.rpartition("#")[2], accepted), told)
        oldest = max(0.0, time.time() - seconds_of(min(jobs.values()))) if jobs else 0.0
        parked = sum(place.startswith("PARKED#") for place in jobs)
        return Look(len(jobs) - parked, parked, dead, round(oldest, 2), circuit_of(circuit))

    def _jobs(self, customer: Customer) -> dict[str, str]:
        """Where a tenant's jobs lie, and when they were accepted."""
        found = items(self._stack, customer, "JOB#", "PARKED$", "sk accepted_at")
        return {item["sk"]["S"]: item["accepted_at"]["S"] for item in found if "accepted_at" in item}

    def _in_backlog(self, customer: Customer) -> bool:
        return "Item" in self._stack.account.client("dynamodb").get_item(
            TableName=self._stack.outputs["BasicBacklogTable"],
            ConsistentRead=True,
            Key={"pk": {"S": customer.tenant.partition}},
        )


def seconds_of(moment: str) -> float:
    """Seconds since 1970 of a moment as the product writes it."""
    return datetime.fromisoformat(moment).timestamp()


def to_json(samples: list[Sample]) -> list[dict[str, Any]]:
    return [asdict(each) for each in samples]
