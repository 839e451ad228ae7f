"""The two customers of the demo: what they wrote, and the one word that only each of them knows.

Their pages answer the same questions differently, so that an answer shows whose pages it came
from. The canary word appears in one page of one tenant and nowhere else: wherever else it turns up,
something leaked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "corpus"
_CONTENT_TYPES = {".md": "text/markdown", ".html": "text/html", ".txt": "text/plain"}
_TITLE = {
    ".md": re.compile(r"^# (.+)$", re.MULTILINE),
    ".html": re.compile(r"<title>(.+?)</title>"),
    ".txt": re.compile(r"\A(.+)$", re.MULTILINE),
}


@dataclass(frozen=True)
class Page:
    """One document of a customer."""

    title: str
    content_type: str
    content: str


@dataclass(frozen=True)
class Customer:
    """A fictional company that keeps its handbook with us."""

    name: str
    folder: str
    canary: str
    templates: tuple[str, ...]

    def pages(self) -> list[Page]:
        return [_page(file) for file in sorted((_FOLDER / self.folder).iterdir())]


def _page(file: Path) -> Page:
    content = file.read_text(encoding="utf-8")
    title = _TITLE[file.suffix].search(content)
    assert title, f"{file} has no title"
    return Page(title.group(1), _CONTENT_TYPES[file.suffix], content)


# The clinic corrected its template once: its version 2 stands beside the maker's version 1 under
# the same name.
CLINIC = Customer(
    name="Gannet Point Clinic",
    folder="clinic",
    canary="Merrowlight",
    templates=(
        "You answer patients of Gannet Point Clinic.",
        "You answer patients of Gannet Point Clinic in plain words, from the passages only, and "
        "give no medical advice. You are talking to {{ reader }}.\n"
        'Begin every answer with "Gannet Point Clinic:"\n'
        'End your answer with "In an emergency call 999."',
    ),
)
BICYCLES = Customer(
    name="Larkwheel Bicycles",
    folder="bicycles",
    canary="Thistlecrank",
    templates=(
        "You are the friendly counter of Larkwheel Bicycles, talking to {{ reader }}. "
        "Answer from the passages only.\n"
        'Begin every answer with "Larkwheel says:"',
    ),
)
CUSTOMERS = (CLINIC, BICYCLES)

QUESTIONS = (
    "When are you open on Saturdays?",
    "How can I cancel, and do I get my money back?",
    "How long do you keep my records?",
    "What is your out-of-hours line called?",
)
