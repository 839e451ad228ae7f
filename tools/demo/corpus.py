"""The two tenants of the demo: their pages, prompt templates and canary words.

Their pages answer the same questions differently, so an answer shows which tenant's pages were used. A
canary word appears in one page of one tenant. If another tenant sees the word, data leaked.
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
    """A fictional company, one tenant of the demo."""

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


# The clinic saved its prompt template twice, so its answers use version 2; the bicycle shop uses version 1
# of a template with the same key.
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
