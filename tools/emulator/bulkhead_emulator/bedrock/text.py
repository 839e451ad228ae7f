"""Words, stems and sentences, for the embeddings and the extractive model."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|\n+")
# Wrapped text: a long line without an end mark, followed by a line that starts no list or heading.
_WRAPPED = re.compile(r"(?<=[^\n]{50})(?<![.!?:…|])[ \t]*\n(?=[^\W\d_]|[\"“‘(])")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|z\.B|etc|Dr|Mr|Mrs|No|Nr|ca|vs|St)|\b[A-Z])\.$")
_SUFFIXES = (
    "ational",
    "ization",
    "fulness",
    "iveness",
    "ements",
    "ations",
    "ement",
    "ation",
    "ingly",
    "edly",
    "ness",
    "ment",
    "ings",
    "able",
    "ible",
    "less",
    "ing",
    "ies",
    "ied",
    "ion",
    "ers",
    "est",
    "ful",
    "ous",
    "ive",
    "ed",
    "er",
    "es",
    "ly",
    "en",
    "s",
    "e",
)

STOP_WORDS = frozenset(
    """
a about after again all also am an and any are as at be because been before being between both but by can could did
do does doing down during each few for from further had has have having he her here hers him his how i if in into is
it its itself just may me might more most must my no nor not now of off on once only or other our out over own please
long much many
same shall she should so some such than that the their them then there these they this those through to too under
until up us very was we were what when where which while who whom whose why will with would you your tell give
der die das den dem des ein eine einen einem einer eines und oder aber ist sind war waren wird werden wie was wer wo
wann warum welche welcher welches für von vom zu zum zur mit auf aus bei nach im in an am es er sie wir ihr ich du
nicht kein keine auch nur noch schon als wenn dass daß so man sich sein seine hat haben kann können muss müssen
""".split()
)


def words(text: str) -> list[str]:
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Returns a word without common suffixes: `refunds` and `refunding` become equal, `sing` stays."""
    word = word.removesuffix("'s")
    if word.isdigit():
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    if word.endswith("y") and len(word) > 3:
        word = word[:-1] + "i"
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def content_stems(text: str) -> list[str]:
    """Returns the stems without stop words, in order."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


def sentences(text: str) -> list[str]:
    """Returns the sentences of a text. A line break ends a sentence unless the text is wrapped there."""
    text = _WRAPPED.sub(" ", text)
    found: list[str] = []
    for piece in _SENTENCE_END.split(text):
        piece = piece.strip()
        if not piece:
            continue
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] += " " + piece
        else:
            found.append(piece)
    return found


def token_count(text: str) -> int:
    """Estimates the number of tokens: by word length, and one per punctuation mark."""
    return sum(1 + (len(token) - 1) // 6 for token in _TOKEN.findall(text))


def cut_to_tokens(text: str, limit: int) -> str:
    """Returns the longest prefix of ``text`` within ``limit`` tokens."""
    used = 0
    for match in _TOKEN.finditer(text):
        used += 1 + (len(match.group()) - 1) // 6
        if used > limit:
            return text[: match.start()].rstrip()
    return text
