"""Where the answering passage stands among the citations of an answer, and the figures made of that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .corpus import Question

DEPTHS = (1, 3, 10)
_CITED = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class Outcome:
    """The result of one question."""

    question: Question
    # The place of the first answering passage from 1; `None` if it is not among the citations.
    place: int | None
    # Whether the answer names a passage of the right document.
    cites_the_source: bool
    # Citations as (title, position), to compare two runs.
    citations: tuple[tuple[str, int], ...]


def outcome(question: Question, answer: dict[str, Any], documents: dict[str, str]) -> Outcome:
    """Judges an answer. `documents` maps names of the corpus to document ids."""
    cited, right = answer["citations"], documents[question.document]
    # A line of a PDF may end within the text.
    texts = [" ".join(each["text"].split()) for each in cited]
    answers = [each["document"] == right and question.passage in text for each, text in zip(cited, texts, strict=True)]
    named = {int(number) for number in _CITED.findall(answer["answer"])}
    return Outcome(
        question,
        answers.index(True) + 1 if True in answers else None,
        any(cited[number - 1]["document"] == right for number in named if 0 < number <= len(cited)),
        tuple((each["title"], each["chunk"]) for each in cited),
    )


@dataclass(frozen=True)
class Figures:
    """Figures over some questions."""

    questions: int
    # Share of questions whose answering passage is among the first k citations, by k.
    recall: dict[int, float]
    # Mean of 1/place; a missing passage counts 0.
    mrr: float
    cites_the_source: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def figures(outcomes: list[Outcome]) -> Figures:
    count = len(outcomes)
    places = [each.place for each in outcomes]
    within = {k: sum(place is not None and place <= k for place in places) / count for k in DEPTHS}
    return Figures(
        count,
        within,
        sum(1 / place for place in places if place) / count,
        sum(each.cites_the_source for each in outcomes) / count,
    )


def grouped(outcomes: Iterable[Outcome], by: Callable[[Question], str]) -> dict[str, Figures]:
    groups: dict[str, list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault(by(each.question), []).append(each)
    return {name: figures(members) for name, members in sorted(groups.items())}


def table(outcomes: list[Outcome]) -> list[str]:
    """Returns a Markdown table: one row per kind, per language, and for all."""
    heads = ("", "questions", *(f"recall@{k}" for k in DEPTHS), "MRR", "answer cites the source")
    rows = [
        *grouped(outcomes, lambda question: question.kind).items(),
        *grouped(outcomes, lambda question: f"language {question.language}").items(),
        ("**all**", figures(outcomes)),
    ]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for name, each in rows:
        cells = (name, str(each.questions), *(f"{each.recall[k]:.2f}" for k in DEPTHS), f"{each.mrr:.2f}")
        lines.append(f"| {' | '.join((*cells, f'{each.cites_the_source:.2f}'))} |")
    return lines
