"""What a tenant is told when something behind the API is down."""

from __future__ import annotations

import re
from typing import Any

from tools.devstack.client import Answer
from tools.devstack.problems import problem

# Beyond what no error says anyway (`tools/devstack/problems.py`): AWS's words for what happened.
_CAUSE = re.compile(
    r"throttl|slow ?down|expired|assume|\bsts\b|credential|exception|internalf|bedrock|bucket|"
    r"an injected fault|000000000000|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    re.IGNORECASE,
)


def busy(answer: Answer, code: str = "unavailable") -> dict[str, Any]:
    """A 503 that says when to come back and nothing of its cause."""
    body = problem(answer, 503)
    assert body["type"] == f"urn:bulkhead:problem:{code}", body
    assert int(answer.headers.get("retry-after", "0")) >= 1, f"no Retry-After: {dict(answer.headers)}"
    without_id = answer.text.replace(body["request_id"], "")
    found = _CAUSE.search(without_id)
    assert not found, f"the answer tells its cause ({found[0]!r}): {without_id}"
    return body
