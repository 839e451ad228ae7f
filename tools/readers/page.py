"""docs/extraction.md, from its template and the figures."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from statistics import mean

from tools.devstack.process import ROOT

from . import cases, measure
from .cases import Cases
from .kinds import KINDS
from .measure import Result
from .sources import Package
from .words import MINIMUM

PAGE = ROOT / "docs" / "extraction.md"
TEMPLATE = Path(__file__).with_name("page.md")
REASONS = Path(__file__).with_name("reasons.toml")


_LIMITS = ROOT / "shared" / "documents" / "src" / "lib.rs"
_LIMIT = re.compile(r"^pub const (MAX_\w+): usize = ([\d_ *]+);", re.MULTILINE)


def limits(source: str) -> dict[str, list[str]]:
    """Returns the limits of the source of the crate, with commas between thousands."""
    return {name: [f"{prod(map(int, value.split('*'))):,}"] for name, value in _LIMIT.findall(source)}


def render(template: str, results: Sequence[Result], found: Sequence[Cases], packages: Sequence[Package]) -> str:
    """Fills the places `<<name>>` of the template. Raises `KeyError` for an unknown place."""
    reasons: dict[str, str] = tomllib.loads(REASONS.read_text())
    pages = [result.found_of_page for result in results if result.found_of_page is not None]
    compared = [result for result in results if result.found is not None]
    unread = [result for result in results if result.reference_error]
    places = {
        **limits(_LIMITS.read_text()),
        "table": measure.table(results),
        "cases": cases.table(found),
        "low": measure.low(results, reasons),
        "refusals": measure.refusals(results),
        "references": [f"| {kind.name} | {kind.reference} |" for kind in KINDS],
        "files": [f"{len(results):,}"],
        "packages": [str(len(packages))],
        "few": [str(len(results) - len(compared) - len(unread))],
        "unread": [str(len(unread))],
        "minimum": [str(MINIMUM)],
        "page": [f"{mean(pages):.2f}" if pages else "not measured"],
        "small files": [str(sum(sum(each.files.values()) for each in found))],
    }
    return re.sub(r"<<([\w ]+)>>", lambda place: "\n".join(places[place[1]]), template)
