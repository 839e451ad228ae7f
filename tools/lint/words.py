"""Finds vague words and inverted phrases in code, comments and documentation.

    python -m tools.lint.words               # check the tracked files against the baseline
    python -m tools.lint.words --update      # lower the baseline to what is left; never raises it
    python -m tools.lint.words --rev HEAD~9  # print the figures of another commit, check nothing

The baseline, `words-baseline.toml` beside this file, holds the number of findings allowed per file. It may
only shrink: a file above its number fails, and so does a file below it until `--update` lowers the number.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("words-baseline.toml")

_CHECKED = ("*.rs", "*.py", "*.md", "*.yaml", "*.yml", "*.toml", "*.sh", "*.stderr", "Makefile", "*/Makefile", ".ci/*")
_NOT_CHECKED = (
    "docs/refusals.md",  # written by a test from the functions' answers
    "fuzz/seeds/*",
    "tools/demo/corpus/*",  # the demo's documents are data
    "tools/lint/words.py",
    "tools/lint/words-baseline.toml",
    "tools/tests/test_words.py",
)

# Each word with what to write instead.
WORDS: dict[str, str] = {
    "whoever": "name the actor: the caller, the tenant, the worker",
    "whatever": "name the thing, or write `any` or `regardless of`",
    "somebody": "name the actor",
    "nobody": "name the actor: `no tenant`, `no caller`",
    "anybody": "name the actor: `any tenant`, `any caller`",
    "anew": "write `again`, or the verb: `regenerate`, `retry`, `re-read`",
    "where there is none": "write `if it is missing`",
    "put aside": "write `set to waiting` or `saved`",
    "puts aside": "write `sets to waiting` or `saves`",
    "taken in": "write `accepted` or `read`",
    "takes in": "write `accepts` or `reads`",
    "is to be": "write `must be` or `will be`",
    "are to be": "write `must be` or `will be`",
    "so many": "write the number or its name: `the limit`, `maximum attempts`",
    "without a word": "write `without an error`, `silently` or `crashed`",
    "of its own": "write `its own` before the noun, or `separate`",
    "comes to": "write `reaches`, `becomes` or `totals`",
}

# Between two words: an underscore of a name, or white space, also over the line break of a comment.
_GAP = r"(?:_|[ \t]+|[ \t]*\n[ \t]*(?:(?:///?!?|//!|#|\*|>)[ \t]*)?)"
_PATTERN = re.compile(
    r"(?<![a-z])(?:" + "|".join(_GAP.join(word.split()) for word in WORDS) + r")(?![a-z])", re.IGNORECASE
)
_SEPARATORS = re.compile(r"[^a-z]+")


@dataclass(frozen=True)
class Finding:
    """One forbidden word in one file."""

    file: str
    line: int
    word: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: `{self.word}`: {WORDS[self.word]}"


@dataclass(frozen=True)
class Report:
    """All findings of one state of the project."""

    findings: tuple[Finding, ...]
    lines: int

    @property
    def counts(self) -> dict[str, int]:
        """The number of findings per file; files without findings are left out."""
        return dict(sorted(Counter(found.file for found in self.findings).items()))

    def figures(self) -> str:
        per_thousand = 1000 * len(self.findings) / self.lines if self.lines else 0.0
        return f"{len(self.findings)} findings in {self.lines} lines: {per_thousand:.2f} per 1,000 lines"


def is_checked(path: str) -> bool:
    """Reports whether the check reads the file."""
    return any(fnmatch(path, each) for each in _CHECKED) and not any(fnmatch(path, each) for each in _NOT_CHECKED)


def find(file: str, text: str) -> Iterator[Finding]:
    """Finds the forbidden words of one file, in names as well as in prose."""
    for match in _PATTERN.finditer(text):
        word = _SEPARATORS.sub(" ", match.group().lower())
        yield Finding(file, text.count("\n", 0, match.start()) + 1, word)


def report(files: Iterable[tuple[str, str]]) -> Report:
    """Checks files, given as path and text."""
    findings: list[Finding] = []
    lines = 0
    for file, text in files:
        lines += text.count("\n")
        findings += find(file, text)
    return Report(tuple(findings), lines)


def complaints(found: Report, baseline: Mapping[str, int]) -> Iterator[str]:
    """Compares the findings with the baseline."""
    counts = found.counts
    for file in sorted({*counts, *baseline}):
        count, allowed = counts.get(file, 0), baseline.get(file, 0)
        if count > allowed:
            yield from (str(each) for each in found.findings if each.file == file)
            yield f"{file}: {count} findings, the baseline allows {allowed}"
        elif count < allowed:
            yield f"{file}: {count} findings, the baseline says {allowed}: run `python -m tools.lint.words --update`"


def lowered(found: Report, baseline: Mapping[str, int]) -> dict[str, int]:
    """Returns the baseline with every number lowered to what is left. No number rises."""
    counts = found.counts
    left = {file: min(allowed, counts.get(file, 0)) for file, allowed in sorted(baseline.items())}
    return {file: count for file, count in left.items() if count}


def read_baseline(path: Path = BASELINE) -> dict[str, int]:
    return dict(tomllib.loads(path.read_text()).get("findings", {}))


def write_baseline(baseline: Mapping[str, int], path: Path = BASELINE) -> None:
    rows = "".join(f'"{file}" = {count}\n' for file, count in baseline.items())
    path.write_text(
        f"# Findings of tools/lint/words.py allowed per file. The numbers may only shrink.\n\n[findings]\n{rows}"
    )


def tracked() -> Iterator[tuple[str, str]]:
    """Reads the checked files of the working tree."""
    for file in _git("ls-files", "-z").split("\0"):
        if is_checked(file) and (ROOT / file).is_file():
            yield file, (ROOT / file).read_text(errors="replace")


def committed(revision: str) -> Iterator[tuple[str, str]]:
    """Reads the checked files of a commit."""
    for file in _git("ls-tree", "-r", "-z", "--name-only", "--full-tree", revision).split("\0"):
        if is_checked(file):
            yield file, _git("show", f"{revision}:{file}")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.lint.words", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--update", action="store_true", help="lower the baseline to what is left")
    parser.add_argument("--rev", metavar="REV", help="print the figures of a commit instead of checking")
    parser.add_argument("--list", action="store_true", help="print every finding, whether allowed or not")
    options = parser.parse_args(arguments)
    found = report(committed(options.rev) if options.rev else tracked())
    if options.list:
        print(*found.findings, sep="\n")
    if options.rev or options.list:
        print(found.figures())
        return 0
    if options.update:
        write_baseline(lowered(found, read_baseline()))
    wrong = list(complaints(found, read_baseline()))
    print(*wrong, found.figures(), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
