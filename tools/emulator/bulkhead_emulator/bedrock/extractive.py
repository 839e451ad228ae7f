"""A deterministic text model that answers by quoting. It does not depend on a prompt format.

It takes the last question of the last user message and finds the sentences of the prompt that share the rarest
words with it. It quotes one to three of them with the source marker of their passage. If no sentence fits, it
says so. It follows one kind of instruction: how to begin or end an answer.

Text between two tags with the same random mark is one source, as prompts tell models: only the marker at its start
names it, and other tags and markers in it are text.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

from .text import content_stems, sentences

UNKNOWN = "I do not know: nothing in the given context answers this."

_DIRECTIVE = re.compile(
    r"\b(begin|start|end|finish)\s+(?:your|every|each|the)\s+answers?\s+with\s+"
    r"(?:\"([^\"]+)\"|“([^”]+)”|'([^']+)')",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^\s*(?:user\s+)?(?:question|query|frage|task|user|q)\s*[:\-]\s*", re.IGNORECASE)
_MARKER = re.compile(r"\[[\w\-:.]{1,40}\]")
_LEADING_MARKER = re.compile(r"^\s*(?:[-*]\s+)?\[[\w\-:.]{1,40}\][:.]?\s*")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
# Tags with a random mark, which the author of the text between them cannot know.
_MARKED = re.compile(r"<([A-Za-z][\w-]*-[0-9a-f]{16,})>\n?(.*?)</\1>", re.DOTALL)
# Replaces a tag. The passage of a marker ends here.
_BREAK = "\0"
_PASSAGE = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*]\s+)?\[[\w\-:.]{1,40}\])")

# Minimum share of the question's weight that a quoted sentence covers; the second number is for the first sentence.
_FIRST, _FURTHER, _MOST = 0.25, 0.45, 3
_SYSTEM_WEIGHT = 0.5


@dataclass(frozen=True)
class Candidate:
    """A sentence that the model may quote."""

    position: int
    text: str
    marker: str | None
    stems: frozenset[str]
    weight: float


def answer(system: list[str], messages: list[tuple[str, str]]) -> str:
    """Returns the model's answer to (role, text) messages."""
    last = max((n for n, (role, _) in enumerate(messages) if role == "user"), default=None)
    spoken = messages[last][1] if last is not None else ""
    question = _question(spoken)
    before = [text for role, text in messages[:last] if role == "user"]
    context = [*before, spoken.replace(question, "\n\n")] if question else [*before, spoken]
    body = _quote(question, context, system)
    begin, end = _directives([*system, *before, spoken])
    return " ".join(part for part in (begin, body, end) if part)


def question_of(messages: list[tuple[str, str]]) -> str:
    """Returns the question that the model answers."""
    return next((_question(text) for role, text in reversed(messages) if role == "user"), "")


def _question(text: str) -> str:
    """Returns the last question of the last paragraphs, or the last paragraph."""
    paragraphs = [p.strip() for p in re.split(r"\n\s*\n", _TAG.sub("\n\n", text)) if p.strip()]
    for paragraph in reversed(paragraphs[-3:]):
        asked = [s for s in sentences(paragraph) if s.rstrip("\"'”’)").endswith("?") and not _DIRECTIVE.search(s)]
        if asked:
            return _MARKER.sub("", asked[-1]).strip() if asked[-1].startswith("[") else asked[-1]
    for paragraph in reversed(paragraphs):
        plain = [s for s in sentences(paragraph) if not _DIRECTIVE.search(s)]
        if plain and content_stems(" ".join(plain)):
            return plain[-1] if len(paragraphs) == 1 and len(plain) > 1 else " ".join(plain)
    return ""


def _quote(question: str, context: list[str], system: list[str]) -> str:
    wanted = set(content_stems(_LABEL.sub("", question)))
    candidates = _candidates(context, 1.0) + _candidates(system, _SYSTEM_WEIGHT)
    if not wanted or not candidates:
        return UNKNOWN
    seen = Counter(stem for candidate in candidates for stem in candidate.stems)
    rarity = {stem: math.log(1 + len(candidates) / (1 + seen[stem])) + 0.1 for stem in wanted}
    total = sum(rarity.values())

    def score(candidate: Candidate) -> float:
        shared = sum(rarity[stem] for stem in wanted & candidate.stems) / total
        return candidate.weight * shared / (1 + 0.002 * len(candidate.text))

    ranked = sorted(candidates, key=lambda c: (-score(c), c.position))
    best = score(ranked[0])
    if best < _FIRST:
        return UNKNOWN
    chosen = [c for c in ranked[:_MOST] if score(c) >= max(_FIRST, best * (1 - _FURTHER))]
    return " ".join(_with_marker(c) for c in sorted(chosen, key=lambda c: c.position))


def _candidates(texts: list[str], weight: float) -> list[Candidate]:
    found: list[Candidate] = []
    for text in texts:
        for marked in _MARKED.finditer(text):
            leading = _LEADING_MARKER.match(marked.group(2))
            first = _MARKER.search(leading.group()) if leading else None
            inside = _MARKER.sub("", _TAG.sub(" ", marked.group(2)))
            for sentence in sentences(inside):
                _add(found, sentence, first.group() if first else None, weight)
        text = _MARKED.sub(f"\n\n{_BREAK}\n\n", text)
        source: str | None = None
        for passage in _PASSAGE.split(_TAG.sub(f"\n\n{_BREAK}\n\n", text)):
            if passage.strip() == _BREAK:
                source = None
                continue
            # A marker at the start names the source of all paragraphs up to the next marker.
            leading = _LEADING_MARKER.match(passage)
            if leading and (first := _MARKER.search(leading.group())):
                source = first.group()
            marker = _MARKER.search(passage)
            named = marker.group() if marker else source
            for sentence in sentences(passage):
                _add(found, sentence, named, weight)
    return found


def _add(found: list[Candidate], sentence: str, marker: str | None, weight: float) -> None:
    """Adds a sentence that can be quoted: not a question, and not an instruction."""
    plain = _LABEL.sub("", sentence)
    stems = frozenset(content_stems(_MARKER.sub("", plain)))
    if len(stems) >= 2 and not _DIRECTIVE.search(sentence) and not plain.endswith("?"):
        found.append(Candidate(len(found), plain, marker, stems, weight))


def _with_marker(candidate: Candidate) -> str:
    """Returns the sentence, followed by its passage's marker unless it contains one."""
    text = _LEADING_MARKER.sub("", candidate.text)
    if candidate.marker is None or candidate.marker in text:
        return text
    return f"{text} {candidate.marker}"


def _directives(texts: list[str]) -> tuple[str, str]:
    """Returns how to begin and end the answer. The first text with an instruction wins, so the system prompt does."""
    found = {"begin": "", "end": ""}
    for text in texts:
        for match in _DIRECTIVE.finditer(text):
            kind = "begin" if match.group(1).lower() in ("begin", "start") else "end"
            found[kind] = found[kind] or next(group for group in match.groups()[1:] if group)
    return found["begin"], found["end"]
