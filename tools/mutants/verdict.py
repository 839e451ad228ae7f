"""Running the tests that should notice a break, and reading which of them did."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field

from . import ground
from .mutant import Mutant, Suite

_CARGO_FAILED = re.compile(r"^test (.+?) \.\.\. FAILED$", re.MULTILINE)
# A test that ends its process, as an aborting environment does, has failed too.
_CARGO_ABORTED = re.compile(r"to rerun pass `(.+?)`\n\nCaused by:\n  process didn't exit successfully.*\(signal: ")
_PYTEST_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass
class Verdict:
    """Which tests went red for a mutant, or why nobody can tell."""

    red: list[str] = field(default_factory=list)
    trouble: str = ""

    @property
    def killed(self) -> bool:
        return bool(self.red) and not self.trouble


def judge(mutant: Mutant) -> Verdict:
    """Make the break in the copy, run its tests, and take the break back."""
    text = mutant.apply(ground.TREE)
    try:
        if mutant.suite in (Suite.CRATES, Suite.STORES):
            return _cargo_test(mutant)
        if mutant.suite is Suite.TEMPLATES:
            return _pytest(mutant)
        ground.build_functions(mutant.builds)
        return _pytest(mutant)
    except ground.Failed as failed:
        return Verdict(trouble=str(failed))
    finally:
        (ground.TREE / mutant.file).write_text(text)


def sound(suites: set[Suite], mutants: list[Mutant]) -> str:
    """What fails in the unbroken copy: where something does, no verdict would mean anything."""
    for suite in sorted(suites, key=lambda each: each.value):
        told = sorted({mutant.tests for mutant in mutants if mutant.suite is suite})
        builds = tuple(sorted({name for mutant in mutants if mutant.suite is suite for name in mutant.builds}))
        if suite in (Suite.INFRA, Suite.FUNCTIONS, Suite.COMMAND_LINE):
            ground.build_functions(builds)
            tests = tuple(sorted({test for each in told for test in each}))
            told = [tests]
        for tests in told:
            probe = Mutant("none", suite, "", "", "", tests)
            run = _cargo_test if suite in (Suite.CRATES, Suite.STORES) else _pytest
            verdict = run(probe, expect_red=False)
            if verdict.red or verdict.trouble:
                return f"{suite.value}: {', '.join(verdict.red)} {verdict.trouble}"
    return ""


def _cargo_test(mutant: Mutant, expect_red: bool = True) -> Verdict:
    """A break that does not compile is no verdict: a test has to be what fails."""
    command = ["cargo", "test", "--no-fail-fast", *mutant.tests]
    done = subprocess.run(command, cwd=ground.TREE, env=ground.library_environment(), capture_output=True, text=True)
    output = done.stdout + done.stderr
    verdict = Verdict(_CARGO_FAILED.findall(output) + _CARGO_ABORTED.findall(output))
    if done.returncode != 0 and not verdict.red:
        verdict.trouble = f"no test failed, but cargo did:\n{output[-2500:]}"
    return verdict


def _pytest(mutant: Mutant, expect_red: bool = True) -> Verdict:
    command = [sys.executable, "-m", "pytest", "-q", "-x" if expect_red else "-q", "--tb=no", "-rfE", *mutant.tests]
    environment = ground.library_environment()
    done = subprocess.run(command, cwd=ground.TREE, env=environment, capture_output=True, text=True)
    verdict = Verdict(_PYTEST_FAILED.findall(done.stdout))
    if done.returncode not in (0, 1) or (done.returncode == 1 and not verdict.red):
        verdict.trouble = f"pytest ended with status {done.returncode}:\n{(done.stdout + done.stderr)[-2500:]}"
    return verdict
