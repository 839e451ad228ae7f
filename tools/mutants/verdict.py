"""Runs the tests of a mutant and reads which of them failed."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field

from . import workspace
from .mutant import Mutant, Suite

_CARGO_FAILED = re.compile(r"^test (.+?) \.\.\. FAILED$", re.MULTILINE)
# A test that aborts its process has failed, too.
_CARGO_ABORTED = re.compile(r"to rerun pass `(.+?)`\n\nCaused by:\n  process didn't exit successfully.*\(signal: ")
_PYTEST_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass
class Verdict:
    """The tests that failed for a mutant, or the error that prevents a verdict."""

    failed: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def killed(self) -> bool:
        return bool(self.failed) and not self.error


def judge(mutant: Mutant) -> Verdict:
    """Applies the mutant to the copy, runs its tests and restores the file."""
    text = mutant.apply(workspace.TREE)
    try:
        if mutant.suite in (Suite.CRATES, Suite.STORES):
            return _cargo_test(mutant)
        if mutant.suite is Suite.TEMPLATES:
            return _pytest(mutant)
        workspace.build_functions(mutant.builds)
        return _pytest(mutant)
    except workspace.Failed as failed:
        return Verdict(error=str(failed))
    finally:
        (workspace.TREE / mutant.file).write_text(text)


def check_unchanged(suites: set[Suite], mutants: list[Mutant]) -> str:
    """Returns the failures of the unchanged copy; empty if all tests pass."""
    for suite in sorted(suites, key=lambda each: each.value):
        chosen = sorted({mutant.tests for mutant in mutants if mutant.suite is suite})
        builds = tuple(sorted({name for mutant in mutants if mutant.suite is suite for name in mutant.builds}))
        if suite in (Suite.INFRA, Suite.FUNCTIONS, Suite.COMMAND_LINE):
            workspace.build_functions(builds)
            tests = tuple(sorted({test for each in chosen for test in each}))
            chosen = [tests]
        for tests in chosen:
            probe = Mutant("none", suite, "", "", "", tests)
            run = _cargo_test if suite in (Suite.CRATES, Suite.STORES) else _pytest
            verdict = run(probe, expect_failure=False)
            if verdict.failed or verdict.error:
                return f"{suite.value}: {', '.join(verdict.failed)} {verdict.error}"
    return ""


def _cargo_test(mutant: Mutant, expect_failure: bool = True) -> Verdict:
    """Runs `cargo test`. A mutant that does not compile gives no verdict, because no test failed."""
    command = ["cargo", "test", "--no-fail-fast", *mutant.tests]
    done = subprocess.run(
        command, cwd=workspace.TREE, env=workspace.library_environment(), capture_output=True, text=True
    )
    output = done.stdout + done.stderr
    verdict = Verdict(_CARGO_FAILED.findall(output) + _CARGO_ABORTED.findall(output))
    if done.returncode != 0 and not verdict.failed:
        verdict.error = f"cargo failed without a failed test:\n{output[-2500:]}"
    return verdict


def _pytest(mutant: Mutant, expect_failure: bool = True) -> Verdict:
    command = [sys.executable, "-m", "pytest", "-q", "-x" if expect_failure else "-q", "--tb=no", "-rfE", *mutant.tests]
    environment = workspace.library_environment()
    done = subprocess.run(command, cwd=workspace.TREE, env=environment, capture_output=True, text=True)
    verdict = Verdict(_PYTEST_FAILED.findall(done.stdout))
    if done.returncode not in (0, 1) or (done.returncode == 1 and not verdict.failed):
        verdict.error = f"pytest failed with status {done.returncode}:\n{(done.stdout + done.stderr)[-2500:]}"
    return verdict
