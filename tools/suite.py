"""Runs the project's tests in stages, two stages at a time, and counts the tests.

    python -m tools.suite                    # every stage
    python -m tools.suite check              # the stages of `make check`
    python -m tools.suite stack faults       # some stages
    python -m tools.suite rust               # one stage, with its output as it comes

A stage that runs no test fails, so that the suite cannot shrink unnoticed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

from . import fuzz
from .devstack.console import Console
from .devstack.process import ROOT

_FUZZ_SECONDS = 10
_CORRUPTED = "tests/isolation/corrupted"
_CARGO_RESULT = re.compile(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
_DEMO_RESULT = re.compile(r"(\d+) attacks, (\d+) refused")
_LOGS = ROOT / "target" / "suite"
# Stages that run at the same time. A single stage uses about half of two cores, because it waits for one
# local AWS process.
_JOBS = 2
_PROGRESS_SECONDS = 60.0
_FAILURE_LINES = 150


@dataclass
class Count:
    """The tests of a stage, or of one folder of it, by result."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    # Duration of the whole stage. Only in the stage's first count.
    seconds: float | None = None
    broken: bool = False

    @property
    def good(self) -> bool:
        return self.passed > 0 and self.failed == 0 and not self.broken


@dataclass(frozen=True)
class Stage:
    """Tests that run together."""

    heading: str
    run: Callable[[Console], list[Count]]
    # Compiles Rust, which uses all cores. At most one such stage runs at a time.
    compiles: bool = False


def _cargo(console: Console) -> list[Count]:
    """Runs `cargo test`, shows its output and adds up its result lines."""
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
    """Returns a stage that runs pytest over `folders` once and counts each folder."""

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
        # A failure without a failed test (an error in a fixture, an interrupt) also fails the run.
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


def _demo(console: Console) -> list[Count]:
    """Runs the demo: one deployed journey of two tenants, and its attacks."""
    count = Count("demo attacks")
    command = [sys.executable, "-m", "tools.demo"]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout
    for line in process.stdout:
        console.line(line.rstrip("\n"))
        if found := _DEMO_RESULT.search(line):
            attacks, refused = map(int, found.groups())
            count.passed, count.failed = refused, attacks - refused
    count.broken = process.wait() != 0
    return [count]


def _mutants(console: Console) -> list[Count]:
    """Runs the mutants that take seconds; `make mutants` runs all."""
    from tools.mutants.catalogue import fast
    from tools.mutants.run import run

    chosen = fast()
    killed = run(console, chosen)
    return [Count("mutants killed", passed=killed, failed=len(chosen) - killed)]


def _fuzz(console: Console) -> list[Count]:
    """Fuzzes every target for a short time; `make fuzz` fuzzes longer."""
    fuzz.build(console)
    good = [fuzz.run(console, target, _FUZZ_SECONDS) for target in fuzz.targets()]
    return [Count("fuzz targets", passed=sum(good), failed=len(good) - sum(good))]


# In the order in which they start: long ones first.
STAGES = {
    "stack": Stage(
        "Journeys and attacks on one deployed stack; every decision of IAM judged a second time",
        _pytest(
            {
                "tests/journeys": "journeys",
                "tests/isolation": "isolation attacks",
                "tests/policies": "least privilege",
            },
            f"--ignore={_CORRUPTED}",
        ),
    ),
    "rust": Stage("Rust: unit, property and compile-fail tests", _cargo, compiles=True),
    "fuzz": Stage("Fuzz targets for all code that reads external input, for a short time", _fuzz, compiles=True),
    "faults": Stage(
        "Sessions that expire fast, and services that throttle, fail and do not answer",
        _pytest({"tests/faults": "faults"}),
    ),
    "mutants": Stage("Mutants that take seconds: a boundary removed, a test must fail", _mutants, compiles=True),
    "tools": Stage(
        "The emulator and the tools",
        _pytest({"tools/emulator": "emulator", "tools/tests": "tools"}),
    ),
    "bare": Stage(
        "The emulator without its extensions: the extensions' tests must fail",
        _pytest({"tools/emulator": "extensions needed"}, "--bare"),
    ),
    "corrupted": Stage(
        "A build with wrong names, on a separate stack",
        _pytest({_CORRUPTED: "corrupted build"}),
        compiles=True,
    ),
    "chaos": Stage(
        "One tenant storms while AWS fails and processes crash: no job lost, mixed up or duplicated",
        _pytest({"tests/chaos": "chaos"}),
    ),
    "harness": Stage(
        "The functions behind a second implementation of Lambda: fifty tenants, frozen and killed at random",
        _pytest({"tests/harness": "harness"}),
    ),
    "infrastructure": Stage(
        "Guards over the CloudFormation templates, and breaks that they must report",
        _pytest({"tests/infrastructure": "template guards"}),
    ),
    "extraction": Stage(
        "The program that reads documents, with hostile documents",
        _pytest({"tests/extraction": "extraction"}),
    ),
    "demo": Stage("One deployed journey and the attack smoke", _demo),
}
# The stages of `make check`.
CHECK = ("rust", "demo", "infrastructure")
# The demo's journey and attacks are a part of those in `stack`.
ALL = tuple(name for name in STAGES if name != "demo")


class Run:
    """A stage in a process, with its output in a file."""

    def __init__(self, name: str) -> None:
        _LOGS.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log = _LOGS / f"{name}.log"
        self._counts = _LOGS / f"{name}.json"
        self._counts.unlink(missing_ok=True)
        self._started = time.monotonic()
        command = [sys.executable, "-m", "tools.suite", name, "--counts", str(self._counts)]
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def counts(self) -> list[Count] | None:
        """Returns the counts of the finished stage; `None` while it runs."""
        if self._process.poll() is None:
            return None
        if not self._counts.exists():
            return [Count(self.name, broken=True, seconds=self.seconds)]
        return [Count(**each) for each in json.loads(self._counts.read_text())]

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)


def _run_together(console: Console, names: Sequence[str], jobs: int) -> list[Count]:
    """Runs stages in processes, `jobs` at a time, and returns all counts in the order of `names`."""
    waiting, running, finished = list(names), list[Run](), dict[str, list[Count]]()
    shown = time.monotonic()
    try:
        while waiting or running:
            while len(running) < jobs and (name := _next(waiting, running)):
                waiting.remove(name)
                running.append(Run(name))
                console.line(f"  ...  {name:<15} {STAGES[name].heading}")
            for run in list(running):
                if (counts := run.counts()) is not None:
                    running.remove(run)
                    finished[run.name] = counts
                    _show(console, run, counts)
            if time.monotonic() - shown > _PROGRESS_SECONDS and running:
                shown = time.monotonic()
                now = ", ".join(f"{run.name} ({run.seconds:.0f} s)" for run in running)
                console.line(f"  ...  running: {now}; {len(waiting)} stages follow")
            time.sleep(0.2)
    finally:
        for run in running:
            run.stop()
    return [count for name in names for count in finished[name]]


def _next(waiting: list[str], running: list[Run]) -> str | None:
    """Returns the next stage to start. A second stage that compiles waits for the first one."""
    compiling = any(STAGES[run.name].compiles for run in running)
    return next((name for name in waiting if not (compiling and STAGES[name].compiles)), None)


def _show(console: Console, run: Run, counts: list[Count]) -> None:
    good = all(count.good for count in counts)
    verdict = console.paint(" ok ", "green") if good else console.paint("FAIL", "red", "bold")
    passed = sum(count.passed for count in counts)
    console.line(f"  {verdict} {run.name:<15} {passed:5} passed {run.seconds:7.0f} s")
    if not good:
        lines = run.log.read_text(errors="replace").splitlines()
        console.line(f"       the end of {run.log.relative_to(ROOT)}:")
        for line in lines[-_FAILURE_LINES:]:
            console.line(f"       {line}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.suite", description="Runs the project's tests in stages.")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"check, {', '.join(STAGES)} (default: all)")
    parser.add_argument("--jobs", type=int, default=_JOBS, help=f"stages at the same time (default: {_JOBS})")
    parser.add_argument("--counts", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    console = Console()
    names = list(CHECK) if options.stages == ["check"] else options.stages or list(ALL)
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        console.line(f"unknown stages {unknown}; use check, {', '.join(STAGES)}")
        return 2
    os.environ.setdefault("CARGO_TERM_COLOR", "always" if console.tty else "never")
    started = time.monotonic()
    if len(names) == 1:
        console.heading(STAGES[names[0]].heading)
        counts = STAGES[names[0]].run(console)
        counts[0].seconds = time.monotonic() - started
    else:
        console.heading(f"{len(names)} stages, {options.jobs} at a time; their output is in {_LOGS.relative_to(ROOT)}")
        counts = _run_together(console, names, options.jobs)
    if options.counts:
        options.counts.write_text(json.dumps([asdict(count) for count in counts]))
    return _report(console, counts, time.monotonic() - started)


def _report(console: Console, counts: list[Count], seconds: float) -> int:
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
    minutes = f" in {seconds // 60:.0f} min {seconds % 60:.0f} s"
    console.line(f"  {total} tests passed{minutes}" + ("." if good else "; the run FAILED."))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
