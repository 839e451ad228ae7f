"""Checks the form of the API's errors."""

from __future__ import annotations

import re
from typing import Any

from .client import Answer

_MEMBERS = {"type", "title", "status", "detail", "request_id"}
# Members of some types.
_MORE = {"not-current": {"current"}, "budget-exhausted": {"budget"}}
_TYPE = re.compile(r"^urn:bulkhead:problem:[a-z]+(-[a-z]+)*$")
# Internal names that an error must not contain.
_INTERNAL = re.compile(
    r"arn:aws|TENANT#|VERSION#|dynamodb|s3vectors|kms|AccessDenied|panick|\.rs\b|src/|Lambda",
    re.IGNORECASE,
)


def kind_of(body: dict[str, Any]) -> str:
    """Returns the code in a problem's type."""
    return str(body.get("type", "")).rpartition(":")[2]


def problem(answer: Answer, status: int, *mentions: str) -> dict[str, Any]:
    """Checks an error's status, members and texts, and returns the body."""
    assert answer.status == status, f"expected {status}, got {answer.status}: {answer.text[:1000]}"
    kind = answer.headers.get("content-type", "")
    assert kind.startswith("application/problem+json"), f"{status} has content type {kind!r}: {answer.text}"
    body = answer.json
    expected = _MEMBERS | _MORE.get(kind_of(body), set())
    # OpenAI's clients show it.
    expected |= {"message"} if body.get("message") == body.get("detail") else set()
    assert set(body) == expected, f"members are {sorted(body)}, not {sorted(expected)}: {body}"
    assert _TYPE.match(body["type"]), f"type {body['type']!r} is no problem type"
    assert body["status"] == status, f"the body says {body['status']}, the response {status}"
    for member in ("title", "detail", "request_id"):
        assert isinstance(body[member], str) and body[member], f"{member} is empty: {body}"
    said = f"{body['title']} {body['detail']}"
    assert not _INTERNAL.search(said), f"the error contains an internal name: {said}"
    for word in mentions:
        assert word.lower() in said.lower(), f"the error does not mention {word!r}: {said}"
    assert answer.headers.get("cache-control") == "no-store", f"the error is cacheable: {answer.headers}"
    return body
