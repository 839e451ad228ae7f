"""The demo: two customers, the same questions, and an attack on itself.

    python -m tools.demo

It starts its own copy of the stack, shows it, and stops it. It fails, loudly, when anything that
should be refused is not.
"""

from __future__ import annotations

import signal
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.console import Console
from tools.devstack.poll import until
from tools.devstack.process import StackError, tail
from tools.devstack.stack import LocalStack

from .attacks import NOBODY_MAY, Attacks, Shown
from .corpus import BICYCLES, CLINIC, CUSTOMERS, QUESTIONS, Customer, Page
from .screen import WIDTH, answer_column, side_by_side, table

_TEMPLATE = "default_summary"
_READY_SECONDS = 120.0
_ATTACK_WIDTHS = (3, 42, 12, 27)


class Demo:
    """One run: what was onboarded, what it took, what was refused."""

    def __init__(self, console: Console, stack: LocalStack) -> None:
        self.console, self.stack = console, stack
        self.tenants: dict[str, Tenant] = {}
        self.phases: list[tuple[str, float]] = []
        self.refused: list[Shown] = []
        self.failures: list[str] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.phases.append((name, time.monotonic() - started))

    def api(self, customer: Customer) -> Api:
        return self.stack.api(self.tenants[customer.name])

    # ── the story ───────────────────────────────────────────────────────────

    def onboard(self) -> None:
        self.console.heading("Two customers sign up")
        for customer in CUSTOMERS:
            with self.console.step(f"onboard {customer.name}"):
                self.tenants[customer.name] = self.stack.onboard(customer.name)
        for customer in CUSTOMERS:
            with self.console.step(f"{customer.name} saves its template {_TEMPLATE}"):
                for text in customer.templates:
                    self.api(customer).save_template(_TEMPLATE, text)

    def ingest(self) -> None:
        self.console.heading("Both hand in their handbooks")
        expected = 0
        with self.console.step("hand in the pages, inline and by presigned upload"):
            for customer in CUSTOMERS:
                for page in customer.pages():
                    _hand_in(self.api(customer), page)
                    expected += 1
        with self.console.step(f"read, cut and index {expected} documents") as step:
            until(
                self._states,
                lambda seen: seen["ready"] + seen["failed"] == expected,
                "the documents",
                _READY_SECONDS,
                every=0.5,
                progress=lambda seen: step.note(f"{seen['ready']} of {expected} ready"),
            )
        failed = [each for each in self._documents() if each["status"] == "failed"]
        for each in failed:
            self.fail(f"document {each['title']!r} failed: {each.get('reason')}")

    def _documents(self) -> list[dict[str, Any]]:
        listings = [self.api(each).pages("/v1/documents", "documents", 50) for each in CUSTOMERS]
        return [document for pages in listings for page in pages for document in page]

    def _states(self) -> Counter[str]:
        return Counter(each["status"] for each in self._documents())

    def ask(self) -> None:
        self.console.heading("Both ask the same questions")
        for question in QUESTIONS:
            answers = [
                self.api(each).ask(question, variables={"reader": "a visitor"}, retrieval={"limit": 3})
                for each in CUSTOMERS
            ]
            self.console.line()
            self.console.line("  " + self.console.paint(question, "cyan"))
            columns = [answer_column(c.name, a) for c, a in zip(CUSTOMERS, answers, strict=True)]
            side_by_side(self.console, *columns)
            for customer, other, answer in zip(CUSTOMERS, CUSTOMERS[::-1], answers, strict=True):
                self._check_answer(customer, other, answer)
        knows = {each.name: each.canary in str(a) for each, a in zip(CUSTOMERS, answers, strict=True)}
        for name, found in knows.items():
            if not found:
                self.fail(f"{name} did not find its own word in its own pages")

    def _check_answer(self, customer: Customer, other: Customer, answer: dict[str, Any]) -> None:
        titles = {page.title for page in customer.pages()}
        strange = {each["title"] for each in answer["citations"]} - titles
        if strange:
            self.fail(f"{customer.name} was shown pages that are not its own: {strange}")
        if not answer["citations"]:
            self.fail(f"{customer.name} got an answer without a citation")
        if other.canary.lower() in str(answer).lower():
            self.fail(f"{customer.name} read the word {other.canary!r}, which only {other.name} knows")

    def attack(self) -> None:
        a, b = self.tenants[CLINIC.name], self.tenants[BICYCLES.name]
        self.console.heading("Now it attacks itself")
        self.console.line(f"  A is {CLINIC.name}, B is {BICYCLES.name}. B tries to reach A.")
        number = 0
        for title, attacks in Attacks(self.stack, a, b).groups():
            self.console.line()
            table(self.console, [("", title, "A itself", "B", "refused by")], _ATTACK_WIDTHS)
            for each in attacks:
                number += 1
                try:
                    shown = each.show()
                except AssertionError as error:
                    self.fail(f"{each.what}: {error}", number)
                    continue
                self.refused.append(shown)
                row = (f"{number:>2}", shown.what, shown.owner, shown.intruder, shown.by)
                table(self.console, [row], _ATTACK_WIDTHS)

    def fail(self, what: str, number: int | None = None) -> None:
        self.failures.append(what)
        self._broken(f"{number:>2}  {what}" if number else what)

    def _broken(self, what: str) -> None:
        for line in textwrap.wrap(f"BROKEN  {what}", WIDTH - 6, subsequent_indent=" " * 8):
            self.console.line(self.console.paint(f"  {line}", "red", "bold"))

    # ── the end ─────────────────────────────────────────────────────────────

    def summary(self) -> int:
        self.console.heading("Summary")
        rows = [(name, f"{seconds:7.1f} s") for name, seconds in self.phases]
        rows.append(("together", f"{sum(seconds for _, seconds in self.phases):7.1f} s"))
        table(self.console, rows, (36,))
        self.console.line()
        if self.failures:
            self.console.line(self.console.paint("  " + "!" * (WIDTH - 4), "red", "bold"))
            for failure in self.failures:
                self._broken(failure)
            self.console.line(f"  {len(self.failures)} broken, {len(self.refused)} refused as they must be.")
            return 1
        by = Counter(each.by for each in self.refused)
        table(self.console, [(f"refused by {who}", f"{count:5}") for who, count in by.items()], (36,))
        nobody = sum(each.owner == NOBODY_MAY for each in self.refused)
        self.console.line()
        self.console.line(
            f"  {len(self.refused)} attacks, {len(self.refused)} refused. {len(self.refused) - nobody} of "
            f"these calls work for their owner, the other {nobody} for nobody."
        )
        return 0


def _hand_in(api: Api, page: Page) -> None:
    """HTML goes the way of large files, by presigned upload; the rest inline."""
    if page.content_type != "text/html":
        api.add_document(page.title, page.content, page.content_type)
        return
    content = page.content.encode()
    request = {"title": page.title, "content_type": page.content_type, "bytes": len(content)}
    upload = api.post("/v1/documents/uploads", request).expect(201)["upload"]
    answer = send(upload["method"], upload["url"], content, upload["headers"])
    assert answer.status == 200, f"the presigned upload answered {answer.status}: {answer.text}"


def main() -> int:
    console = Console()
    # `kill` ends the demo as Ctrl-C does: through the clean-up, so that nothing stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console.line(console.paint("Bulkhead: two tenants on one stack", "bold"))
    stack = LocalStack.temporary("demo", console)
    status = 1
    try:
        status = _tell(Demo(console, stack))
    except StackError as error:
        console.line(console.paint(f"\n  {error}", "red"))
    except AssertionError as error:
        console.line(console.paint(f"\n  {error}", "red"))
        console.line(f"  What the local AWS and the functions said last:\n{tail(stack.state / 'aws.log')}")
    except KeyboardInterrupt:
        console.line("\n  Interrupted.")
        status = 130
    finally:
        stack.close(keep=status == 1)
        if status == 1:
            console.line(f"  The logs of this run: {stack.state}")
    return status


def _tell(demo: Demo) -> int:
    demo.console.heading("A local AWS, and the stack on it")
    acts = (
        ("start and deploy", demo.stack.open),
        ("onboard, save templates", demo.onboard),
        ("ingest", demo.ingest),
        ("ask", demo.ask),
        ("attack", demo.attack),
    )
    for name, act in acts:
        with demo.phase(name):
            act()
    return demo.summary()


if __name__ == "__main__":
    sys.exit(main())
