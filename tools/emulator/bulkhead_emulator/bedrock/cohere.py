"""Cohere's embedding models on Bedrock.

Request and response as documented (model-parameters-embed-v3, model-parameters-embed-v4): `texts` (at most 96) and
`input_type` are required. `embedding_types` makes the response an object by type; without it, version 3 returns a list.
Version 3 takes at most 2,048 characters per text and has 1,024 dimensions; version 4 has `output_dimension` 256, 512,
1,024 or 1,536 (default). Texts embed as with the emulator's Titan, so related texts are close.
"""

from __future__ import annotations

import uuid

from .embeddings import embed
from .errors import invalid
from .text import token_count

MODELS = ("cohere.embed-english-v3", "cohere.embed-multilingual-v3", "cohere.embed-v4:0")
_INPUT_TYPES = ("search_document", "search_query", "classification", "clustering")
_TEXTS, _CHARACTERS, _TOKENS = 96, 2_048, 512
_DIMENSIONS = (256, 512, 1024, 1536)


def invoke(model: str, request: dict) -> tuple[dict, int]:
    """Returns the answer to InvokeModel and the number of input tokens."""
    newer = "v4" in model
    allowed = {"texts", "input_type", "truncate", "embedding_types"}
    allowed |= {"output_dimension", "max_tokens"} if newer else set()
    for name in request:
        _require(name in allowed, f"extraneous key [{name}] is not permitted")
    texts, given = request.get("texts"), request.get("input_type")
    _require(isinstance(texts, list) and 0 < len(texts) <= _TEXTS, f"#/texts: expected 1 to {_TEXTS} texts")
    assert isinstance(texts, list)
    _require(all(isinstance(each, str) for each in texts), "#/texts: expected type: String")
    _require(given in _INPUT_TYPES, "#/input_type: is not a valid enum value")
    cuts = ("NONE", "LEFT", "RIGHT") if newer else ("NONE", "START", "END")
    _require(request.get("truncate", "NONE") in cuts, "#/truncate: is not a valid enum value")
    if not newer:
        longest = max(len(each) for each in texts)
        _require(longest <= _CHARACTERS, f"#/texts: expected maxLength: {_CHARACTERS}, actual: {longest}")
        if request.get("truncate", "NONE") == "NONE":
            _require(all(token_count(each) <= _TOKENS for each in texts), "a text has too many input tokens")
    dimensions = request.get("output_dimension", 1536) if newer else 1024
    _require(dimensions in _DIMENSIONS, "#/output_dimension: must be one of 256, 512, 1024, 1536")
    types = request.get("embedding_types")
    if types is not None and types != ["float"]:
        raise invalid("this emulator returns float embeddings only")
    vectors = [embed(each, dimensions) for each in texts]
    by_type = types is not None
    answer = {
        "id": str(uuid.uuid4()),
        "response_type": "embeddings_by_type" if by_type else "embeddings_floats",
        "embeddings": {"float": vectors} if by_type else vectors,
        "texts": texts,
    }
    return answer, sum(token_count(each) for each in texts)


def _require(holds: object, defect: str) -> None:
    if not holds:
        raise invalid(f"Malformed input request: {defect}, please reformat your input and try again.")
