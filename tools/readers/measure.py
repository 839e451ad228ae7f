"""The figures of each file and of each type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median

from .kinds import KINDS, Kind

# A file of which less is found, and which is not refused, is listed: its owner does not notice the loss.
LOW = 0.5


@dataclass(frozen=True)
class Result:
    """The figures of one file."""

    kind: str
    package: str
    name: str
    size: int
    outcome: str
    reason: str | None
    passages: int
    warnings: list[str]
    seconds: float
    processor_seconds: float
    memory_bytes: int
    reference_words: int
    reference_error: str | None
    # The share of the reference's words; `None` if the reference has too few.
    found: float | None
    # HTML only: the share of all visible words of the page.
    found_of_page: float | None = None

    @property
    def is_low(self) -> bool:
        return self.outcome == "text" and self.found is not None and self.found < LOW


def table(results: Sequence[Result]) -> list[str]:
    """Returns the lines of a Markdown table with one row per type."""
    lines = [
        "| type | files | text | refused | with text | stopped | compared | mean found | below 0.5 | median ms | maximum ms | peak MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_row(kind.name, chosen) for kind in KINDS if (chosen := of_kind(results, kind))]
    lines.append(_row("**all**", results))
    return lines


def of_kind(results: Iterable[Result], kind: Kind) -> list[Result]:
    return [result for result in results if result.kind == kind.key]


def _row(name: str, results: Sequence[Result]) -> str:
    outcomes = [result.outcome for result in results]
    compared = [result.found for result in results if result.found is not None]
    seconds = [result.processor_seconds for result in results]
    cells = [
        name,
        len(results),
        outcomes.count("text"),
        outcomes.count("refused"),
        sum(result.outcome == "refused" and result.found is not None for result in results),
        outcomes.count("stopped"),
        len(compared),
        f"{mean(compared):.2f}" if compared else "",
        sum(result.is_low for result in results),
        round(median(seconds) * 1000),
        round(max(seconds) * 1000),
        round(max(result.memory_bytes for result in results) / 1_000_000),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def low(results: Iterable[Result], reasons: dict[str, str]) -> list[str]:
    """Returns a table of the files of which less than half is found, the worst first in each type."""
    lines = ["| file | type | found | why |", "|---|---|---:|---|"]
    order = {kind.key: place for place, kind in enumerate(KINDS)}
    names = {kind.key: kind.name for kind in KINDS}
    for result in sorted(
        (result for result in results if result.is_low),
        key=lambda result: (order[result.kind], round(result.found or 0, 2), result.package, result.name),
    ):
        why = reasons.get(f"{result.package}: {result.name}", "not looked at")
        lines.append(f"| {result.package}: `{result.name}` | {names[result.kind]} | {result.found:.2f} | {why} |")
    return lines


def refusals(results: Iterable[Result]) -> list[str]:
    """Returns a table of the reasons for which files are refused or stopped, per type."""
    lines = ["| type | answer | files | example |", "|---|---|---:|---|"]
    failed = [result for result in results if result.outcome != "text"]
    for kind in KINDS:
        chosen = of_kind(failed, kind)
        for reason in sorted({_answer(result) for result in chosen}):
            same = [result for result in chosen if _answer(result) == reason]
            example = min((result.package, result.name) for result in same)
            lines.append(f"| {kind.name} | {reason} | {len(same)} | {example[0]}: `{example[1]}` |")
    return lines


def _answer(result: Result) -> str:
    return result.reason or "" if result.outcome == "refused" else f"stopped by the limit of {result.reason}"
