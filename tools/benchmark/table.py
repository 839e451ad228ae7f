"""The result as a table, for the terminal and for Markdown."""

from __future__ import annotations

from .measure import Result

_HEADS = (
    "",
    "ready",
    "wait p50",
    "wait p99",
    "queued p50",
    "queued p99",
    "later",
    "wasted",
    "2nd half",
    "attempts",
    "queued / waiting / dead",
)

LEGEND = (
    "wait: from stored content to ready document; queued: until the worker starts; both as a multiple of the quiet value",
    "later: how much later the p99 job's worker starts, in job durations; wasted: share of the workers' busy time that the",
    "storm's attempts took, over the storm and its second half; queued, waiting, dead: the storm's jobs at its end",
)


def cells(results: dict[str, Result]) -> list[tuple[str, ...]]:
    """Returns the heads and one row per set-up."""
    return [_HEADS, *((title, *_cells(result)) for title, result in results.items())]


def _cells(result: Result) -> tuple[str, ...]:
    done = f"{result.healthy_jobs - result.unfinished} of {result.healthy_jobs}"
    left = result.left
    return (
        done,
        _times(result.wait.p50),
        _times(result.wait.p99),
        _times(result.queued.p50),
        _times(result.queued.p99),
        f"{result.later:+.2f}",
        f"{result.wasted:.0%}",
        f"{result.wasted_late:.0%}",
        str(result.attempts),
        f"{left.queued} / {left.waiting} / {left.dead} of {result.storm_jobs}",
    )


def _times(ratio: float) -> str:
    return f"{ratio:.2f}×"


def text(results: dict[str, Result]) -> list[str]:
    """Returns the table as aligned lines."""
    lines = cells(results)
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]


def drift(results: dict[str, Result], service_seconds: float) -> list[str]:
    """Returns the p99 wait of each phase in job durations; shows whether the machine drifts."""
    lines = []
    for title, result in results.items():
        each = (f"{wait / service_seconds:.2f}" for wait in result.phases)
        lines.append(f"p99 wait of each phase, quiet, storm, …: {', '.join(each)}  ({title})")
    return lines


def markdown(results: dict[str, Result]) -> list[str]:
    """Returns the table as Markdown, for `docs/benchmarks.md`."""
    rule = "|".join(["---", *["---:"] * (len(_HEADS) - 1)])
    head, *body = ["| " + " | ".join(line) + " |" for line in cells(results)]
    return [head, f"|{rule}|", *body]
