"""After the storm: runs the scheduler and waits until the stack is idle."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread

from botocore.exceptions import BotoCoreError, ClientError

from tools.devstack.aws import InvokeFailed
from tools.devstack.stack import LocalStack

from .injection import invoke_intake
from .stores import document_id, items
from .tenants import Customer, Receipt

_FINAL = ("ready", "dead")
_PAUSE = 1.5
# The pause after a read is this multiple of the read's duration.
_REST = 4


class SchedulerRuns:
    """Runs the scheduler every few seconds in a thread; on AWS it runs every minute."""

    def __init__(self, stack: LocalStack, every: float) -> None:
        self._stack, self.every = stack, every
        self._stopped = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self.runs = self.failed = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self.every):
            try:
                self._stack.sweep()
                self.runs += 1
            except (InvokeFailed, ClientError, BotoCoreError):
                # The plan injects such faults; the next run tries again.
                self.failed += 1


@dataclass
class Operator:
    """Handles the tier's dead-letter queue as docs/operations.md says.

    Sends events that `intake` failed three times to `intake` again. Counts and deletes dead-letter messages of
    jobs, because the scheduler finds these jobs by their items.
    """

    stack: LocalStack
    events: int = 0
    jobs: int = 0

    def resend_events(self) -> None:
        queue, sqs = self.stack.outputs["BasicDeadLetterQueueUrl"], self.stack.account.client("sqs")
        while True:
            letters = sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"], VisibilityTimeout=600
            ).get("Messages", [])
            if not letters:
                return
            for letter in letters:
                event = _event(letter["Body"])
                if event is None:
                    self.jobs += 1
                elif invoke_intake(self.stack, event):
                    self.events += 1
                else:
                    continue
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=letter["ReceiptHandle"])


def _event(body: str) -> dict[str, object] | None:
    """Returns the event in a dead-letter message of `intake`, or None for a message of a job."""
    with suppress(ValueError):
        found = json.loads(body)
        if isinstance(found, dict) and isinstance(found.get("requestPayload"), dict):
            return found["requestPayload"]
    return None


@dataclass(frozen=True)
class State:
    """The unfinished jobs at one moment."""

    # Jobs that are queued or running, jobs that wait, and accepted unfinished documents without a job item,
    # whose event is still in flight.
    open: int
    waiting: int
    unseen: int
    # Waiting jobs that are not requeued before the cause of their failures ends.
    held: int
    # The open and waiting jobs, by tenant and document.
    jobs: frozenset[tuple[int, str]] = frozenset()

    @property
    def left(self) -> int:
        """The number of jobs that can still make progress."""
        return self.open + self.waiting + self.unseen - self.held


def read_state(
    stack: LocalStack, customers: list[Customer], receipts: list[Receipt], held: Callable[[Customer], bool]
) -> State:
    """Reads the unfinished jobs. `held` says whether a tenant's waiting jobs may keep waiting."""
    with_job: dict[int, set[str]] = {each.number: set() for each in customers}
    opened = waiting = kept = 0
    for customer in customers:
        for item in items(stack, customer, "JOB#", "WAITING$", "sk"):
            kind = item["sk"]["S"].partition("#")[0]
            if kind in ("JOB", "WAITING"):
                with_job[customer.number].add(document_id(item))
                opened += kind == "JOB"
                waiting += kind == "WAITING"
                kept += kind == "WAITING" and held(customer)
    # Reading the documents is expensive, so it happens only if no job item is left.
    quiet = opened == 0 and waiting == kept
    unseen = sum(_unseen(stack, each, receipts, with_job[each.number]) for each in customers) if quiet else 0
    jobs = frozenset((number, document) for number, documents in with_job.items() for document in documents)
    return State(opened, waiting, unseen, kept, jobs)


def _unseen(stack: LocalStack, customer: Customer, receipts: list[Receipt], with_job: set[str]) -> int:
    """Returns the number of accepted, unfinished documents without a job item."""
    done = {
        document_id(item)
        for item in items(stack, customer, "DOCUMENT#", "DOCUMENT$", "sk status")
        if item["status"]["S"] in _FINAL
    }
    accepted = {each.job.document for each in receipts if each.customer == customer.number}
    return len(accepted - with_job - done)


def wait_until_idle(
    read: Callable[[], State], operator: Operator, seconds: float, progress: Callable[[State], None]
) -> State:
    """Waits until no job can make progress, or until `seconds` pass without a new or completed job."""
    deadline = time.monotonic() + seconds
    calm, fewest, most_done = 0, None, 0
    seen: set[tuple[int, str]] = set()
    while True:
        began = time.monotonic()
        operator.resend_events()
        state = read()
        progress(state)
        # New jobs may start while earlier jobs complete, so the number of unfinished jobs does not show progress.
        known = len(seen)
        seen |= state.jobs
        done = len(seen) - len(state.jobs)
        if fewest is None or state.left < fewest or done > most_done or len(seen) > known:
            fewest = state.left if fewest is None else min(fewest, state.left)
            most_done = max(most_done, done)
            deadline = time.monotonic() + seconds
        # Idle twice in a row: a message may still be in flight to a worker.
        calm = calm + 1 if state.left == 0 else 0
        if calm == 2 or time.monotonic() > deadline:
            return state
        # The local AWS serves this program and the product, so reads must leave it time.
        time.sleep(max(_PAUSE, _REST * (time.monotonic() - began)))
