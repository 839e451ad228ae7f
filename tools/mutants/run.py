"""Making mutants one after the other, and the table of who noticed."""

from __future__ import annotations

import time

from tools.devstack.console import Console

from . import ground
from .mutant import Mutant, NotApplicable, Suite
from .verdict import Verdict, judge, sound

_ORDER = list(Suite)


def run(console: Console, chosen: list[Mutant], *, keep: bool = False) -> int:
    """Make each mutant, show who noticed, and return how many were killed."""
    try:
        return _run(console, sorted(chosen, key=lambda mutant: _ORDER.index(mutant.suite)))
    finally:
        if not keep:
            ground.forget_functions()


def _run(console: Console, chosen: list[Mutant]) -> int:
    with console.step("copy the tree"):
        ground.prepare()
    with console.step("the unbroken copy passes its tests") as step:
        step.note("building")
        trouble = sound({mutant.suite for mutant in chosen}, chosen)
    if trouble:
        console.line(f"  The unbroken copy fails, so nothing can be said of a broken one: {trouble}")
        return 0
    verdicts = []
    for number, mutant in enumerate(chosen, start=1):
        started = time.monotonic()
        try:
            verdict = judge(mutant)
        except NotApplicable as error:
            verdict = Verdict(trouble=str(error))
        verdicts.append(verdict)
        _show(console, number, len(chosen), mutant, verdict, time.monotonic() - started)
    killed = sum(verdict.killed for verdict in verdicts)
    console.heading(f"killed {killed} of {len(chosen)}")
    return killed


def _show(console: Console, number: int, total: int, mutant: Mutant, verdict: Verdict, seconds: float) -> None:
    word = console.paint("killed  ", "green") if verdict.killed else console.paint("SURVIVED", "red")
    console.line(f"  {number:2}/{total} {word} {mutant.name:<56} {seconds:5.1f} s  {mutant.suite.value}")
    for test in verdict.red[:2]:
        console.line(f"              by {test}")
    if len(verdict.red) > 2:
        console.line(f"              and {len(verdict.red) - 2} more")
    if verdict.trouble:
        console.line(f"              no verdict: {verdict.trouble}")
