"""Runs mutants one after the other and prints the results."""

from __future__ import annotations

import time

from tools.devstack.console import Console

from . import workspace
from .mutant import Mutant, NotApplicable, Suite
from .verdict import Verdict, check_unchanged, judge

_ORDER = list(Suite)


def run(console: Console, chosen: list[Mutant], *, keep: bool = False) -> int:
    """Runs each mutant, prints the tests that failed and returns the number of killed mutants."""
    try:
        return _run(console, sorted(chosen, key=lambda mutant: _ORDER.index(mutant.suite)))
    finally:
        if not keep:
            workspace.delete_functions()


def _run(console: Console, chosen: list[Mutant]) -> int:
    with console.step("copy the tree"):
        workspace.prepare()
    with console.step("the unchanged copy passes its tests") as step:
        step.note("building")
        failure = check_unchanged({mutant.suite for mutant in chosen}, chosen)
    if failure:
        console.line(f"  The unchanged copy fails its tests, so mutants cannot be judged: {failure}")
        return 0
    verdicts = []
    for number, mutant in enumerate(chosen, start=1):
        started = time.monotonic()
        try:
            verdict = judge(mutant)
        except NotApplicable as error:
            verdict = Verdict(error=str(error))
        verdicts.append(verdict)
        _show(console, number, len(chosen), mutant, verdict, time.monotonic() - started)
    killed = sum(verdict.killed for verdict in verdicts)
    console.heading(f"killed {killed} of {len(chosen)}")
    return killed


def _show(console: Console, number: int, total: int, mutant: Mutant, verdict: Verdict, seconds: float) -> None:
    word = console.paint("killed  ", "green") if verdict.killed else console.paint("SURVIVED", "red")
    console.line(f"  {number:2}/{total} {word} {mutant.name:<56} {seconds:5.1f} s  {mutant.suite.value}")
    for test in verdict.failed[:2]:
        console.line(f"              by {test}")
    if len(verdict.failed) > 2:
        console.line(f"              and {len(verdict.failed) - 2} more")
    if verdict.error:
        console.line(f"              no verdict: {verdict.error}")
