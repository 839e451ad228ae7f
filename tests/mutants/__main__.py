"""Command line: which mutants to make, and the table of who noticed."""

from __future__ import annotations

import argparse
import sys
import time

from local.console import Console

from . import ground
from .catalogue import MUTANTS
from .mutant import FAST, Mutant, NotApplicable, Suite
from .verdict import Verdict, judge, sound

_ORDER = list(Suite)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description="Break each boundary in turn; a test has to notice."
    )
    parser.add_argument("names", nargs="*", help="mutants whose name holds one of these words")
    parser.add_argument("--fast", action="store_true", help="those that need no AWS SDK and no stack")
    parser.add_argument("--list", action="store_true", help="show the catalogue and end")
    parser.add_argument("--keep", action="store_true", help="keep the built functions for the next run")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if not options.fast or mutant.suite in FAST]
    if options.names:
        chosen = [mutant for mutant in chosen if any(word in mutant.name for word in options.names)]
    chosen.sort(key=lambda mutant: _ORDER.index(mutant.suite))
    if options.list or not chosen:
        print("\n".join(f"{mutant.suite.value:<13} {mutant.name:<52} {mutant.file}" for mutant in chosen))
        return 0 if options.list else 2
    try:
        return _run(Console(), chosen)
    finally:
        if not options.keep:
            ground.forget_functions()


def _run(console: Console, chosen: list[Mutant]) -> int:
    with console.step("copy the tree"):
        ground.prepare()
    with console.step("the unbroken copy passes its tests") as step:
        step.note("building")
        trouble = sound({mutant.suite for mutant in chosen}, chosen)
    if trouble:
        console.line(f"  The unbroken copy fails, so nothing can be said of a broken one: {trouble}")
        return 1
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
    return 0 if killed == len(chosen) else 1


def _show(
    console: Console, number: int, total: int, mutant: Mutant, verdict: Verdict, seconds: float
) -> None:
    word = console.paint("killed  ", "green") if verdict.killed else console.paint("SURVIVED", "red")
    console.line(f"  {number:2}/{total} {word} {mutant.name:<52} {seconds:5.1f} s  {mutant.suite.value}")
    for test in verdict.red[:2]:
        console.line(f"              by {test}")
    if len(verdict.red) > 2:
        console.line(f"              and {len(verdict.red) - 2} more")
    if verdict.trouble:
        console.line(f"              no verdict: {verdict.trouble}")


if __name__ == "__main__":
    sys.exit(main())
