"""Checks the answer a tenant gets if a service behind the API is down."""

from __future__ import annotations

import re
from typing import Any

from tools.devstack.client import Answer
from tools.devstack.problems import problem

# AWS's words for the cause. `tools/devstack/problems.py` checks what no error may contain.
_CAUSE = re.compile(
    r"throttl|slow ?down|expired|assume|\bsts\b|credential|exception|internalf|bedrock|bucket|"
    r"an injected fault|000000000000|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    re.IGNORECASE,
)


def assert_unavailable(answer: Answer, code: str = "unavailable") -> dict[str, Any]:
    """Asserts a 503 with `Retry-After` that does not reveal its cause."""
    body = problem(answer, 503)
    assert body["type"] == f"urn:bulkhead:problem:{code}", body
    assert int(answer.headers.get("retry-after", "0")) >= 1, f"no Retry-After: {dict(answer.headers)}"
    without_id = answer.text.replace(body["request_id"], "")
    found = _CAUSE.search(without_id)
    assert not found, f"the answer reveals its cause ({found[0]!r}): {without_id}"
    return body
