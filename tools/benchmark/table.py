"""The result as a table: for a terminal, and for a page of Markdown."""

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
    "queued / aside / dead",
)

LEGEND = (
    "wait: from the content stored until the document is ready; queued: until its worker begins; × in the storm, of quiet",
    "later: how much later the p99 job's worker begins, in jobs' time; wasted: part of the workers' busy time that the",
    "storm's attempts took, over the storm and over its second half; queued, put aside, dead: its jobs at the storm's end",
)


def cells(results: dict[str, Result]) -> list[tuple[str, ...]]:
    """The heads, and a line for each set-up by its title."""
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
        f"{left.queued} / {left.parked} / {left.dead} of {result.storm_jobs}",
    )


def _times(ratio: float) -> str:
    return f"{ratio:.2f}×"


def text(results: dict[str, Result]) -> list[str]:
    """Aligned columns."""
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
    """The p99 wait of each phase by itself, in jobs' time: a machine that drifts shows here."""
    lines = []
    for title, result in results.items():
        each = (f"{wait / service_seconds:.2f}" for wait in result.phases)
        lines.append(f"p99 wait of each phase, quiet, storm, …: {', '.join(each)}  ({title})")
    return lines


def markdown(results: dict[str, Result]) -> list[str]:
    """For `docs/benchmarks.md`."""
    rule = "|".join(["---", *["---:"] * (len(_HEADS) - 1)])
    head, *body = ["| " + " | ".join(line) + " |" for line in cells(results)]
    return [head, f"|{rule}|", *body]
