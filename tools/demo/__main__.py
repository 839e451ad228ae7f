"""The demo: two tenants ask the same questions, then one tenant attacks the other.

    python -m tools.demo

Starts its own copy of the stack, shows it and stops it. Fails if an attack is not refused.
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

from .attacks import ALSO_REFUSED, Attacks, Shown
from .corpus import BICYCLES, CLINIC, CUSTOMERS, QUESTIONS, Customer, Page
from .screen import WIDTH, answer_column, side_by_side, table

_TEMPLATE = "default_summary"
_READY_SECONDS = 120.0
_ATTACK_WIDTHS = (3, 42, 12, 27)


class Demo:
    """One run: the tenants, the time of each phase, the refused attacks and the failures."""

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

    # ── phases ──────────────────────────────────────────────────────────────

    def onboard(self) -> None:
        self.console.heading("Two tenants sign up")
        for customer in CUSTOMERS:
            with self.console.step(f"onboard {customer.name}"):
                self.tenants[customer.name] = self.stack.onboard(customer.name)
        for customer in CUSTOMERS:
            with self.console.step(f"{customer.name} saves its prompt template {_TEMPLATE}"):
                for text in customer.templates:
                    self.api(customer).save_template(_TEMPLATE, text)

    def ingest(self) -> None:
        self.console.heading("Both tenants upload their handbooks")
        expected = 0
        with self.console.step("send the pages inline and by presigned upload"):
            for customer in CUSTOMERS:
                for page in customer.pages():
                    _upload(self.api(customer), page)
                    expected += 1
        with self.console.step(f"extract, split and index {expected} documents") as step:
            until(
                self._states,
                lambda seen: seen["ready"] + seen["dead"] == expected,
                "the documents",
                _READY_SECONDS,
                every=0.5,
                progress=lambda seen: step.note(f"{seen['ready']} of {expected} ready"),
            )
        failed = [each for each in self._documents() if each["status"] == "dead"]
        for each in failed:
            self.fail(f"document {each['title']!r} failed: {each.get('reason')}")

    def _documents(self) -> list[dict[str, Any]]:
        listings = [self.api(each).pages("/v1/documents", "documents", 50) for each in CUSTOMERS]
        return [document for pages in listings for page in pages for document in page]

    def _states(self) -> Counter[str]:
        return Counter(each["status"] for each in self._documents())

    def ask(self) -> None:
        self.console.heading("Both tenants ask the same questions")
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
                self.fail(f"{name} did not find its canary word in its own pages")

    def _check_answer(self, customer: Customer, other: Customer, answer: dict[str, Any]) -> None:
        titles = {page.title for page in customer.pages()}
        foreign = {each["title"] for each in answer["citations"]} - titles
        if foreign:
            self.fail(f"{customer.name} received pages of another tenant: {foreign}")
        if not answer["citations"]:
            self.fail(f"{customer.name} received an answer without a citation")
        if other.canary.lower() in str(answer).lower():
            self.fail(f"{customer.name} received the canary word {other.canary!r} of {other.name}")

    def attack(self) -> None:
        a, b = self.tenants[CLINIC.name], self.tenants[BICYCLES.name]
        self.console.heading("One tenant attacks the other")
        self.console.line(f"  A is {CLINIC.name}, B is {BICYCLES.name}. B tries to reach A's data.")
        number = 0
        for title, attacks in Attacks(self.stack, a, b).groups():
            self.console.line()
            table(self.console, [("", title, "A", "B", "refused by")], _ATTACK_WIDTHS)
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
        self._print_failure(f"{number:>2}  {what}" if number else what)

    def _print_failure(self, what: str) -> None:
        for line in textwrap.wrap(f"FAILED  {what}", WIDTH - 6, subsequent_indent=" " * 8):
            self.console.line(self.console.paint(f"  {line}", "red", "bold"))

    # ── summary ─────────────────────────────────────────────────────────────

    def summary(self) -> int:
        self.console.heading("Summary")
        rows = [(name, f"{seconds:7.1f} s") for name, seconds in self.phases]
        rows.append(("total", f"{sum(seconds for _, seconds in self.phases):7.1f} s"))
        table(self.console, rows, (36,))
        self.console.line()
        if self.failures:
            self.console.line(self.console.paint("  " + "!" * (WIDTH - 4), "red", "bold"))
            for failure in self.failures:
                self._print_failure(failure)
            self.console.line(f"  {len(self.failures)} failed, {len(self.refused)} attacks refused.")
            return 1
        by = Counter(each.by.partition(" ")[0] if each.by.startswith("IAM") else each.by for each in self.refused)
        table(self.console, [(f"refused by {who}", f"{count:5}") for who, count in by.items()], (36,))
        also_refused = sum(each.owner == ALSO_REFUSED for each in self.refused)
        self.console.line()
        self.console.line(
            f"  {len(self.refused)} attacks, {len(self.refused)} refused. {len(self.refused) - also_refused} of "
            f"these calls work for tenant A; {also_refused} are refused for every tenant."
        )
        return 0


def _upload(api: Api, page: Page) -> None:
    """Sends HTML by presigned upload, as large files are sent, and other pages inline."""
    if page.content_type != "text/html":
        api.add_document(page.title, page.content, page.content_type)
        return
    content = page.content.encode()
    request = {"title": page.title, "content_type": page.content_type, "bytes": len(content)}
    upload = api.post("/v1/documents/uploads", request).expect(201)["upload"]
    answer = send(upload["method"], upload["url"], content, upload["headers"])
    assert answer.status == 200, f"the presigned upload returned {answer.status}: {answer.text}"


def main() -> int:
    console = Console()
    # SIGTERM runs the same clean-up as Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console.line(console.paint("Bulkhead: two tenants on one stack", "bold"))
    stack = LocalStack.temporary("demo", console)
    status = 1
    try:
        status = _run(Demo(console, stack))
    except StackError as error:
        console.line(console.paint(f"\n  {error}", "red"))
    except AssertionError as error:
        console.line(console.paint(f"\n  {error}", "red"))
        console.line(f"  Last lines of the local AWS and the functions:\n{tail(stack.state / 'aws.log')}")
    except KeyboardInterrupt:
        console.line("\n  Interrupted.")
        status = 130
    finally:
        stack.close(keep=status == 1)
        if status == 1:
            console.line(f"  Logs of this run: {stack.state}")
    return status


def _run(demo: Demo) -> int:
    demo.console.heading("Start a local AWS and deploy the stack")
    phases = (
        ("start and deploy", demo.stack.open),
        ("onboard, save templates", demo.onboard),
        ("ingest", demo.ingest),
        ("ask", demo.ask),
        ("attack", demo.attack),
    )
    for name, run in phases:
        with demo.phase(name):
            run()
    return demo.summary()


if __name__ == "__main__":
    sys.exit(main())
