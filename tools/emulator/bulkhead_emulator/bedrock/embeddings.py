"""`amazon.titan-embed-text-v2:0`: deterministic embeddings that are close for related texts.

Hashes stemmed words and character trigrams, so that inflections and compounds are close, too. Stop words have a
low weight. Request and limits as on AWS (titan-embedding-models): 256, 512 or 1,024 dimensions, at most
50,000 characters and 8,192 tokens, normalised by default.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from functools import lru_cache

from .errors import invalid
from .text import STOP_WORDS, stem, token_count, words

MODEL = "amazon.titan-embed-text-v2:0"
_DIMENSIONS = (256, 512, 1024)
_CHARACTERS, _TOKENS = 50_000, 8_192
_FIELDS = {"inputText", "dimensions", "normalize", "embeddingTypes"}
_STOP_WEIGHT, _TRIGRAM_WEIGHT = 0.05, 0.35


def invoke(request: dict) -> tuple[dict, int]:
    """Returns the answer to InvokeModel and the number of input tokens."""
    for name in request:
        if name not in _FIELDS:
            raise invalid(
                f"Malformed input request: #: extraneous key [{name}] is not permitted, "
                "please reformat your input and try again."
            )
    text, dimensions = request.get("inputText"), request.get("dimensions", 1024)
    if not isinstance(text, str) or not text.strip():
        raise invalid(
            "Malformed input request: expected minLength: 1, actual: 0, please reformat your input and try again."
        )
    if len(text) > _CHARACTERS:
        raise invalid(
            f"Malformed input request: expected maxLength: {_CHARACTERS}, actual: {len(text)}, "
            "please reformat your input and try again."
        )
    tokens = token_count(text)
    if tokens > _TOKENS:
        raise invalid(f"Too many input tokens. Max input tokens: {_TOKENS}, request input token count: {tokens}")
    if dimensions not in _DIMENSIONS or isinstance(dimensions, bool):
        raise invalid(
            "Malformed input request: #/dimensions: must be one of 256, 512, 1024, "
            "please reformat your input and try again."
        )
    kinds = request.get("embeddingTypes", ["float"])
    if kinds != ["float"]:
        raise invalid("this emulator returns float embeddings only")
    vector = embed(text, dimensions, request.get("normalize", True) is not False)
    return {"embedding": vector, "embeddingsByType": {"float": vector}, "inputTextTokenCount": tokens}, tokens


def embed(text: str, dimensions: int, normalize: bool = True) -> list[float]:
    vector = [0.0] * dimensions
    for word, count in Counter(words(text)).items():
        weight = math.sqrt(count) * (_STOP_WEIGHT if word in STOP_WORDS else 1.0)
        for feature, share in _features(word):
            position = feature % dimensions
            vector[position] += weight * share if feature >> 63 else -weight * share
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0.0:
        # Text without words (digits are words, punctuation is not) still gets a distinct vector.
        vector[_hash(text) % dimensions] = length = 1.0
    return [value / length for value in vector] if normalize else vector


@lru_cache(maxsize=65536)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    root = stem(word)
    framed = f"^{root}$"
    trigrams = sorted({framed[i : i + 3] for i in range(len(framed) - 2)})
    share = _TRIGRAM_WEIGHT / math.sqrt(len(trigrams)) if trigrams else 0.0
    return ((_hash("w:" + root), 1.0), *((_hash("t:" + gram), share) for gram in trigrams))


def _hash(feature: str) -> int:
    return int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "big")
