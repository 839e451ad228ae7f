"""The tenants of a run and their uploads through the API, with retries."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

from tools.devstack.aws import Tenant
from tools.devstack.client import Answer, Api, send
from tools.devstack.stack import LocalStack

from .plan import BROKEN, HEALTHY, LONG, STORM, Plan, Submission
from .reconcile import Accepted, Observation, leaks

# Concurrent requests of the storming tenant, which has ten times the load.
_HANDS = {STORM: 8}
# A refused document is sent again, because a key may be disabled for some seconds.
_PATIENCE, _PAUSE = 60, 0.5
_TRIES_TO_UPLOAD = 4
_FILLER = "The quay is swept at dawn, the ropes are counted, and a late boat waits for the next tide. "


@dataclass(frozen=True)
class Customer:
    """A tenant and the invented word that only its documents contain."""

    number: int
    tenant: Tenant
    word: str
    api: Api

    @property
    def name(self) -> str:
        return self.tenant.name

    @property
    def storms(self) -> bool:
        return self.number == STORM


def sign_up(stack: LocalStack, plan: Plan) -> list[Customer]:
    """Onboards all tenants. The storming tenant has a separate key, which the plan disables."""
    found = []
    for number, word in enumerate(plan.words):
        storms = number == STORM
        name = "storming" if storms else f"healthy {number + 1}"
        tenant = stack.onboard(name, **({"key": "own"} if storms else {}))
        found.append(Customer(number, tenant, word, stack.api(tenant)))
    assert len(found) == HEALTHY + 1
    return found


@dataclass(frozen=True)
class Receipt:
    """An accepted document and the time of its acceptance in seconds since 1970."""

    customer: int
    submission: Submission
    job: Accepted
    at: float


class LeakDetector:
    """Checks every answer to a tenant and keeps those that contain another tenant's word."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words
        self.crossed: list[Observation] = []
        self.answers = 0

    def check(self, where: str, owner: str | None, text: str) -> None:
        self.answers += 1
        observed = Observation(where, owner, text)
        if leaks(self._words, observed):
            self.crossed.append(observed)


@dataclass
class Counts:
    """The requests of the load by status; 0 means no answer."""

    statuses: Counter[int] = field(default_factory=Counter)
    # Uploads that were repeated after a refusal or without an answer.
    uploads_again: int = 0


def content(customer: Customer, each: Submission) -> bytes:
    """Returns the bytes of a document; each of its passages contains the tenant's word."""
    if each.shape is BROKEN:
        return b"\x7fELF is no text at all"
    page = f"Page {each.number} of {customer.word} says: the {customer.word} leaves at {each.number % 24} o'clock."
    if each.shape is LONG:
        # Each paragraph is too long to share a passage with another.
        return "\n\n".join(f"{part}. {page} {_FILLER * 9}" for part in range(LONG.passages)).encode()
    return page.encode()


class Load:
    """Submits the plan's documents at their times, or later if the product is slower."""

    def __init__(
        self, customers: list[Customer], plan: Plan, detector: LeakDetector, begun: Callable[[], float]
    ) -> None:
        self._customers, self._plan, self._detector, self._begun = customers, plan, detector, begun
        self._lock, self._stopped = Lock(), Event()
        self._waiting = {each.number: list(reversed(plan.of(each.number))) for each in customers}
        self._threads: list[Thread] = []
        self.receipts: list[Receipt] = []
        self.refused: list[Submission] = []
        self.counts = Counts()

    def start(self) -> None:
        for customer in self._customers:
            for _ in range(_HANDS.get(customer.number, 1)):
                thread = Thread(target=self._run, args=(customer,), daemon=True)
                self._threads.append(thread)
                thread.start()

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def of(self, number: int) -> list[Receipt]:
        with self._lock:
            return [each for each in self.receipts if each.customer == number]

    def _run(self, customer: Customer) -> None:
        while True:
            with self._lock:
                waiting = self._waiting[customer.number]
                each = waiting.pop() if waiting else None
            if each is None or self._stopped.wait(max(0.0, self._begun() + each.at - time.monotonic())):
                return
            for _ in range(_PATIENCE):
                if document := self.submit(customer, each):
                    job = Accepted(customer.name, document, each.shape.passages)
                    with self._lock:
                        self.receipts.append(Receipt(customer.number, each, job, time.time()))
                    break
                if self._stopped.wait(_PAUSE):
                    return
            else:
                self.refused.append(each)

    def submit(self, customer: Customer, each: Submission) -> str | None:
        """Returns the document's id, or None if it was not accepted and stored."""
        about = {"title": f"{customer.word} {each.number}", "content_type": "text/plain"}
        data = content(customer, each)
        if not each.upload:
            answer = self._ask(customer, "/v1/documents", {**about, "content": data.decode()})
            return answer.json["id"] if answer and answer.status == 202 else None
        answer = self._ask(customer, "/v1/documents/uploads", {**about, "bytes": len(data)})
        if not answer or answer.status != 201:
            return None
        slot = answer.json
        stored = self._upload(customer, slot["upload"], data)
        return slot["document"]["id"] if stored else None

    def _ask(self, customer: Customer, path: str, body: dict[str, object]) -> Answer | None:
        try:
            answer = customer.api.post(path, body)
        except (OSError, http.client.HTTPException):
            answer = None
        with self._lock:
            self.counts.statuses[answer.status if answer else 0] += 1
        if answer:
            self._detector.check(f"POST {path}", customer.name, answer.text)
        return answer

    def _upload(self, customer: Customer, upload: dict[str, object], data: bytes) -> bool:
        """Uploads the bytes, again if no answer arrives. The bytes may then be stored twice."""
        for attempt in range(_TRIES_TO_UPLOAD):
            if attempt:
                with self._lock:
                    self.counts.uploads_again += 1
            try:
                answer = send(str(upload["method"]), str(upload["url"]), data, upload["headers"])  # type: ignore[arg-type]
            except (OSError, http.client.HTTPException):
                continue
            self._detector.check("an upload", customer.name, answer.text)
            if answer.status == 200:
                return True
            time.sleep(0.2)
        return False
