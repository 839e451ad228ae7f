"""The small cases in the repository, read by `cargo test`."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.devstack.process import ROOT

from .kinds import KINDS

_TESTS = ROOT / "shared" / "documents" / "tests"
_PROGRAM = re.compile(r"Running tests/(\w+)\.rs ")
_RESULT = re.compile(r"test result: (\w+)\. (\d+) passed; (\d+) failed")
_FAILED = re.compile(r"^test (\S+) \.\.\. FAILED$", re.MULTILINE)


@dataclass(frozen=True)
class Cases:
    """The passed tests of a file of tests, and the small files that they read."""

    types: str
    file: str
    tests: int
    # By suffix.
    files: dict[str, int]


def run() -> list[Cases]:
    """Runs the tests of the readers. Raises `RuntimeError` if one fails."""
    command = ["cargo", "test", "--locked", "--no-fail-fast", "-p", "bulkhead-documents", "--features", "parsers"]
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        failed = _FAILED.findall(done.stdout)
        raise RuntimeError(f"tests of the readers failed: {', '.join(failed) or done.stdout[-500:]}")
    return cases(passed(done.stdout), _TESTS)


def passed(output: str) -> dict[str, int]:
    """Returns the number of passed tests per file of tests."""
    found, program = dict[str, int](), None
    for line in output.splitlines():
        if started := _PROGRAM.search(line):
            program = started[1]
        elif (result := _RESULT.search(line)) and program:
            found[program], program = int(result[2]), None
    return found


def cases(tests: dict[str, int], folder: Path) -> list[Cases]:
    """Joins the numbers of tests with the small files that the tests name.

    Raises `ValueError` if no test names a small file.
    """
    sources = {path.stem: path.read_text() for path in folder.glob("*.rs")}
    named: dict[str, list[Path]] = {}
    for path in sorted((folder / "cases").iterdir()):
        readers = [name for name, source in sources.items() if f'"{path.stem}"' in source or path.name in source]
        readers += ["pdf"] if f"/{path.name}" in sources.get("pdf", "") else []
        if not readers:
            raise ValueError(f"no test of shared/documents reads `{path.name}`")
        named.setdefault(readers[0], []).append(path)
    return [
        Cases(
            ", ".join(kind.name for kind in KINDS if kind.tests == name),
            name,
            tests[name],
            dict(sorted(Counter(path.suffix for path in named.get(name, [])).items())),
        )
        for name in dict.fromkeys(kind.tests for kind in KINDS)
    ]


def table(found: Iterable[Cases]) -> list[str]:
    """Returns a Markdown table with one row per file of tests."""
    lines = ["| types | tests | passed | small files from other programs |", "|---|---|---:|---:|"]
    lines += [
        f"| {each.types} | [`{each.file}.rs`](../shared/documents/tests/{each.file}.rs) | {each.tests} "
        f"| {sum(each.files.values())} |"
        for each in found
    ]
    return lines
