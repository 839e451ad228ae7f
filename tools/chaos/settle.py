"""After the storm: waiting jobs are brought back until nothing moves any more."""

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

from .stores import document_id, items
from .tenants import Customer, Taken
from .trouble import invoke_intake

_FINAL = ("ready", "failed")
_PAUSE = 1.5
# Looking takes no more of the time than one part of so many and one.
_REST = 4


class Releasing:
    """What AWS does every minute, every few seconds, in a thread of its own."""

    def __init__(self, stack: LocalStack, every: float) -> None:
        self._stack, self.every = stack, every
        self._enough = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self.runs = self.failed = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._enough.wait(self.every):
            try:
                self._stack.release()
                self.runs += 1
            except (InvokeFailed, ClientError, BotoCoreError):
                # Asked for, by the plan: the next one tries again.
                self.failed += 1


@dataclass
class Operator:
    """Does what docs/operations.md says of the tier's dead-letter queue: the events that `intake` gave up
    after three attempts are handed to it again. Jobs among the letters are found without them."""

    stack: LocalStack
    events: int = 0
    jobs: int = 0

    def look(self) -> None:
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
    """The event in a letter of `intake`'s; a job is none."""
    with suppress(ValueError):
        found = json.loads(body)
        if isinstance(found, dict) and isinstance(found.get("requestPayload"), dict):
            return found["requestPayload"]
    return None


@dataclass(frozen=True)
class State:
    """How far things are."""

    # Items of jobs that are queued or running, of jobs that wait, and accepted documents with none of
    # these that are not at their end: their event is still on its way.
    open: int
    parked: int
    unseen: int
    # Waiting jobs that will not be brought back before their tenant's cause is gone.
    held: int
    # The open and the waiting ones, each by its tenant and its document.
    jobs: frozenset[tuple[int, str]] = frozenset()

    @property
    def left(self) -> int:
        """Jobs that still have somewhere to go."""
        return self.open + self.parked + self.unseen - self.held


def look(stack: LocalStack, customers: list[Customer], taken: list[Taken], held: Callable[[Customer], bool]) -> State:
    """`held` says of a tenant whether its waiting jobs may stay where they are."""
    there: dict[int, set[str]] = {each.number: set() for each in customers}
    opened = parked = kept = 0
    for customer in customers:
        for item in items(stack, customer, "JOB#", "PARKED$", "sk"):
            kind = item["sk"]["S"].partition("#")[0]
            if kind in ("JOB", "PARKED"):
                there[customer.number].add(document_id(item))
                opened += kind == "JOB"
                parked += kind == "PARKED"
                kept += kind == "PARKED" and held(customer)
    # The documents are by far the most: looked at once nothing else is left.
    quiet = opened == 0 and parked == kept
    unseen = sum(_unseen(stack, each, taken, there[each.number]) for each in customers) if quiet else 0
    jobs = frozenset((number, document) for number, documents in there.items() for document in documents)
    return State(opened, parked, unseen, kept, jobs)


def _unseen(stack: LocalStack, customer: Customer, taken: list[Taken], there: set[str]) -> int:
    """Accepted documents with no job that are not at their end."""
    done = {
        document_id(item)
        for item in items(stack, customer, "DOCUMENT#", "DOCUMENT$", "sk status")
        if item["status"]["S"] in _FINAL
    }
    mine = {each.job.document for each in taken if each.customer == customer.number}
    return len(mine - there - done)


def settle(look: Callable[[], State], operator: Operator, seconds: float, progress: Callable[[State], None]) -> State:
    """Wait until nothing is left, or for so long without a job that came or was done."""
    deadline = time.monotonic() + seconds
    calm, fewest, most_done = 0, None, 0
    seen: set[tuple[int, str]] = set()
    while True:
        began = time.monotonic()
        operator.look()
        state = look()
        progress(state)
        # Events may still make jobs while others are done, so that what is left says too little.
        known = len(seen)
        seen |= state.jobs
        done = len(seen) - len(state.jobs)
        if fewest is None or state.left < fewest or done > most_done or len(seen) > known:
            fewest = state.left if fewest is None else min(fewest, state.left)
            most_done = max(most_done, done)
            deadline = time.monotonic() + seconds
        # Twice in a row: a message of a job may be on its way to a worker that finds it done.
        calm = calm + 1 if state.left == 0 else 0
        if calm == 2 or time.monotonic() > deadline:
            return state
        # One local AWS answers us and the product alike, and thousands of jobs take a while to read.
        time.sleep(max(_PAUSE, _REST * (time.monotonic() - began)))
