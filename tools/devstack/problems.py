"""What every error of the API has to look like."""

from __future__ import annotations

import re
from typing import Any

from .client import Answer

_MEMBERS = {"type", "title", "status", "detail", "request_id"}
_TYPE = re.compile(r"^urn:bulkhead:problem:[a-z]+(-[a-z]+)*$")
# What an error must never say: names from inside, and what the code is made of.
_INSIDE = re.compile(
    r"arn:aws|TENANT#|VERSION#|dynamodb|s3vectors|kms|AccessDenied|panick|\.rs\b|src/|Lambda",
    re.IGNORECASE,
)


def problem(answer: Answer, status: int, *mentions: str) -> dict[str, Any]:
    """Judge an error: status, form, readable words, nothing from inside; returns the body."""
    assert answer.status == status, f"expected {status}, got {answer.status}: {answer.text[:1000]}"
    kind = answer.headers.get("content-type", "")
    assert kind.startswith("application/problem+json"), f"{status} came as {kind!r}: {answer.text}"
    body = answer.json
    assert set(body) == _MEMBERS, f"members are {sorted(body)}, not {sorted(_MEMBERS)}: {body}"
    assert _TYPE.match(body["type"]), f"type {body['type']!r} is no problem name"
    assert body["status"] == status, f"the body says {body['status']}, the response {status}"
    for member in ("title", "detail", "request_id"):
        assert isinstance(body[member], str) and body[member], f"{member} is empty: {body}"
    said = f"{body['title']} {body['detail']}"
    assert not _INSIDE.search(said), f"the error tells of the inside: {said}"
    for word in mentions:
        assert word.lower() in said.lower(), f"the error does not mention {word!r}: {said}"
    assert answer.headers.get("cache-control") == "no-store", f"an error may be cached: {answer.headers}"
    return body
