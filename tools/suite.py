"""Runs every test of the project in stages and counts them.

    python -m tools.suite [STAGE …]

A stage that ran no test is a failure: a suite that silently shrinks to nothing is the oldest way
for a guarantee to disappear.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import fuzz
from .devstack.console import Console
from .devstack.process import ROOT

_FUZZ_SECONDS = 10
_CORRUPTED = "tests/isolation/corrupted"
_CARGO_RESULT = re.compile(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")


@dataclass
class Count:
    """How many tests ran, and how."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    # Of the whole stage, with the first of its counts.
    seconds: float | None = None
    broken: bool = False

    @property
    def good(self) -> bool:
        return self.passed > 0 and self.failed == 0 and not self.broken


def _cargo(console: Console) -> list[Count]:
    """`cargo test`; its output is shown as it comes and its result lines are added up."""
    count = Count("Rust")
    process = subprocess.Popen(
        ["cargo", "test", "--workspace", "--locked"],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout
    for line in process.stdout:
        console.line(line.rstrip("\n"))
        if found := _CARGO_RESULT.search(line):
            passed, failed, ignored = map(int, found.groups())
            count.passed += passed
            count.failed += failed
            count.skipped += ignored
    count.broken = process.wait() != 0
    return [count]


def _pytest(folders: dict[str, str], *options: str) -> Callable[[Console], list[Count]]:
    """pytest over named folders in one run, counted folder by folder."""

    def run(_: Console) -> list[Count]:
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.xml"
            command = [sys.executable, "-m", "pytest", "-q", "-ra", f"--junitxml={report}"]
            status = subprocess.run([*command, *options, *folders], cwd=ROOT).returncode
            counts = {folder: Count(name) for folder, name in folders.items()}
            if report.exists():
                _add_up(report, counts)
        for count in counts.values():
            count.broken = status != 0 and count.failed == 0 and count.passed == 0
        # A status without a failed test (an error in a fixture, an interrupt) still fails the run.
        if status != 0 and all(count.good for count in counts.values()):
            next(iter(counts.values())).broken = True
        return list(counts.values())

    return run


def _add_up(report: Path, counts: dict[str, Count]) -> None:
    for case in ElementTree.parse(report).iter("testcase"):
        module = case.get("classname", "").replace(".", "/")
        folder = next((each for each in counts if module.startswith(each)), None)
        if folder is None:
            continue
        count = counts[folder]
        if case.find("failure") is not None or case.find("error") is not None:
            count.failed += 1
        elif case.find("skipped") is not None:
            count.skipped += 1
        else:
            count.passed += 1


def _mutants(console: Console) -> list[Count]:
    """Those that take seconds; `make mutants` makes all."""
    from tools.mutants.catalogue import fast
    from tools.mutants.run import run

    chosen = fast()
    killed = run(console, chosen)
    return [Count("mutants killed", passed=killed, failed=len(chosen) - killed)]


def _fuzz(console: Console) -> list[Count]:
    """Every target for a short while; `make fuzz` fuzzes longer."""
    fuzz.build(console)
    good = [fuzz.run(console, target, _FUZZ_SECONDS) for target in fuzz.targets()]
    return [Count("fuzz targets", passed=sum(good), failed=len(good) - sum(good))]


@dataclass(frozen=True)
class Stage:
    """Tests that belong together."""

    heading: str
    run: Callable[[Console], list[Count]]


STAGES = {
    "templates": Stage(
        "What the templates promise, and guards that can fail",
        _pytest({"tests/infrastructure": "template guards"}),
    ),
    "rust": Stage("Rust: units, properties, what must not compile", _cargo),
    "local": Stage(
        "The local AWS and its tools",
        _pytest({"tools/emulator": "local AWS", "tools/tests": "local tools"}),
    ),
    "bare": Stage(
        "The local AWS without its extensions: their tests have to fail there",
        _pytest({"tools/emulator": "extensions needed"}, "--bare"),
    ),
    "extraction": Stage(
        "The program that reads documents, and documents made to do harm",
        _pytest({"tests/extraction": "extraction"}),
    ),
    "stack": Stage(
        "Journeys and attacks on one deployed stack, and all that IAM decided judged once more",
        _pytest(
            {
                "tests/journeys": "journeys",
                "tests/isolation": "isolation attacks",
                "tests/policies": "least privilege",
            },
            f"--ignore={_CORRUPTED}",
        ),
    ),
    "faults": Stage(
        "AWS on a bad day: short sessions, and services that throttle, fail and fall silent",
        _pytest({"tests/faults": "faults"}),
    ),
    "chaos": Stage(
        "One tenant storms while AWS fails and processes die: nothing lost, crossed or doubled",
        _pytest({"tests/chaos": "chaos"}),
    ),
    "harness": Stage(
        "The functions behind another Lambda: fifty tenants, frozen and killed at any moment",
        _pytest({"tests/harness": "harness"}),
    ),
    "corrupted": Stage(
        "A build whose names are wrong on purpose, on a stack of its own",
        _pytest({_CORRUPTED: "corrupted build"}),
    ),
    "fuzz": Stage("Fuzzing what reads input from outside, for a short while", _fuzz),
    "mutants": Stage("Boundaries broken on purpose, those that take seconds", _mutants),
}


def main(arguments: list[str] | None = None) -> int:
    console = Console()
    names = (sys.argv[1:] if arguments is None else arguments) or list(STAGES)
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        console.line(f"no stage {unknown}; there are: {', '.join(STAGES)}")
        return 2
    os.environ.setdefault("CARGO_TERM_COLOR", "always" if console.tty else "never")
    counts: list[Count] = []
    for number, name in enumerate(names, start=1):
        stage = STAGES[name]
        console.heading(f"── {number}/{len(names)}  {stage.heading}")
        started = time.monotonic()
        found = stage.run(console)
        found[0].seconds = time.monotonic() - started
        counts += found
    return _report(console, counts)


def _report(console: Console, counts: list[Count]) -> int:
    console.heading("Tests")
    for count in counts:
        verdict = console.paint(" ok ", "green") if count.good else console.paint("FAIL", "red")
        why = "  ran no test" if count.passed == 0 else ""
        took = "" if count.seconds is None else f"{count.seconds:6.0f} s"
        console.line(
            f"  {verdict} {count.name:<20} {count.passed:5} passed  {count.failed:3} failed  "
            f"{count.skipped:3} skipped{took}{why}"
        )
    total = sum(count.passed for count in counts)
    good = all(count.good for count in counts)
    console.line(f"  {total} tests passed" + ("." if good else "; the run FAILED."))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
