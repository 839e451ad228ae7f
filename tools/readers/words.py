"""The measure: the share of a reference's words that the passages have."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

# A file whose reference has fewer words is left out of the mean: one word would move it too much.
MINIMUM = 30

# Scripts without blanks between words: each character counts as a word.
_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0eff"
_WORD = re.compile(rf"[{_ALONE}]|[^\W_{_ALONE}]+")
# Soft hyphens, and the characters that pdfium puts in place of a hyphen at a line end.
_HYPHEN = re.compile("[\u00ad\ufffe\x02]\\s*|(?<=[^\\W\\d_])-\\s*\n\\s*(?=[^\\W\\d_])")


def words(text: str) -> Counter[str]:
    """Returns how often each word occurs, in Unicode form NFKC and lower case."""
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", _HYPHEN.sub("", text)).lower()))


def share(reference: Counter[str], passages: Counter[str]) -> float | None:
    """Returns the share of the reference's words that the passages have; `None` for too few words."""
    total = reference.total()
    return (reference & passages).total() / total if total >= MINIMUM else None
