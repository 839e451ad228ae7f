"""Lays out the demo's output in 100 columns: two answers side by side, and tables."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from typing import Any

from tools.devstack.console import Console

WIDTH = 100
_GAP = 4
_COLUMN = (WIDTH - _GAP) // 2 - 1
_MOST_CITATIONS = 3


def side_by_side(console: Console, left: Sequence[str], right: Sequence[str]) -> None:
    """Prints two columns of wrapped lines."""
    for one, other in itertools.zip_longest(left, right, fillvalue=""):
        console.line(f"  {one:<{_COLUMN}}{'':{_GAP - 2}}{other}".rstrip())


def answer_column(name: str, answer: dict[str, Any]) -> list[str]:
    """Returns one tenant's answer as lines: template version, text and citations."""
    template = answer["template"]
    lines = [f"{name}  ({template['key']} v{template['version']})"]
    lines += textwrap.wrap(answer["answer"], _COLUMN)
    for number, citation in enumerate(answer["citations"][:_MOST_CITATIONS], start=1):
        title = textwrap.shorten(citation["title"], _COLUMN - 12, placeholder="…")
        # Adding 0.0 turns a rounded -0.0 into 0.0.
        lines.append(f"[{number}] {title}  {round(citation['score'], 2) + 0.0:.2f}")
    return lines


def table(console: Console, rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """Prints rows of aligned cells; the last cell has no width limit."""
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row[:-1], widths, strict=False)]
        console.line("  " + " ".join([*cells, row[-1]]).rstrip())
