"""Takes a sample of the run about once per second, with few calls to the local AWS."""

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
# A tenant with thousands of waiting jobs is slow to read. The next read follows after this multiple of its duration.
_REST = 12


@dataclass(frozen=True)
class TenantSample:
    """One tenant at one moment."""

    open: int
    waiting: int
    dead: int
    # Age of the oldest unfinished job in seconds.
    oldest: float
    circuit: str


@dataclass(frozen=True)
class Sample:
    """The state of the stack at one moment, in seconds after the start."""

    at: float
    visible: int
    in_flight: int
    dead_letters: int
    accepted: int
    tenants: tuple[TenantSample, ...]
    # Faulty calls so far, by kind.
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def unfinished(self) -> int:
        return sum(each.open + each.waiting for each in self.tenants)


class Watch:
    """Takes samples in a separate thread until `last` is called."""

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
        self._stopped = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self.samples: list[Sample] = []
        self._tenants: dict[int, tuple[float, TenantSample]] = {}
        # Jobs without a backlog entry, each once.
        self.forgotten: dict[tuple[str, str], str] = {}

    def start(self) -> None:
        self._thread.start()

    def last(self) -> None:
        """Stops the thread and takes one last sample."""
        self._stopped.set()
        self._thread.join()
        self._tenants.clear()
        self.samples.append(self.sample())

    def sample(self) -> Sample:
        visible, in_flight = self._depth("BasicQueueUrl")
        return Sample(
            at=round(self._now(), 2),
            visible=visible,
            in_flight=in_flight,
            dead_letters=sum(self._depth("BasicDeadLetterQueueUrl")),
            accepted=self._accepted(),
            tenants=tuple(self._cached_sample(each) for each in self._customers),
            faults=dict(self._faults()),
        )

    def _run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
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

    def _cached_sample(self, customer: Customer) -> TenantSample:
        """Returns the last sample of a tenant while it is fresh; a slow read stays fresh longer."""
        began = time.monotonic()
        due, kept = self._tenants.get(customer.number, (0.0, None))
        if kept is None or began >= due:
            kept = self._look(customer)
            now = time.monotonic()
            self._tenants[customer.number] = now + _REST * (now - began) - _EVERY, kept
        return kept

    def _look(self, customer: Customer) -> TenantSample:
        circuit: dict[str, Any] | None = None
        dead = 0
        # The range excludes the documents, which are the most items.
        for item in items(self._stack, customer, "CIRCUIT", "DEAD$", "sk circuit"):
            if item["sk"]["S"] == "CIRCUIT":
                circuit = item
            else:
                dead += 1
        jobs = self._jobs(customer)
        if jobs and not self._in_backlog(customer):
            # The entry must exist as long as a job does. Jobs that still exist now had no entry a moment ago.
            for key, accepted in jobs.items() & self._jobs(customer).items():
                description = f"{customer.name} {key} of {accepted}, seen at {self._now():.0f} s"
                self.forgotten.setdefault((key.rpartition("#")[2], accepted), description)
        oldest = max(0.0, time.time() - seconds_of(min(jobs.values()))) if jobs else 0.0
        waiting = sum(key.startswith("WAITING#") for key in jobs)
        return TenantSample(len(jobs) - waiting, waiting, dead, round(oldest, 2), circuit_of(circuit))

    def _jobs(self, customer: Customer) -> dict[str, str]:
        """Returns the sort keys of a tenant's jobs and when they were accepted."""
        found = items(self._stack, customer, "JOB#", "WAITING$", "sk accepted_at")
        return {item["sk"]["S"]: item["accepted_at"]["S"] for item in found if "accepted_at" in item}

    def _in_backlog(self, customer: Customer) -> bool:
        return "Item" in self._stack.account.client("dynamodb").get_item(
            TableName=self._stack.outputs["BasicBacklogTable"],
            ConsistentRead=True,
            Key={"pk": {"S": customer.tenant.partition}},
        )


def seconds_of(moment: str) -> float:
    """Converts a stored timestamp to seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()


def to_json(samples: list[Sample]) -> list[dict[str, Any]]:
    return [asdict(each) for each in samples]
