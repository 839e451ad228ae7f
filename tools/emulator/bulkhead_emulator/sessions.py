"""Lifetime of sessions, and the refusal of expired ones.

AWS (IAM User Guide, troubleshoot_security-creds): expired credentials are always refused as expired. MiniStack
forgets an expired session at the next AssumeRole and then refuses it as an unknown key. A test could then not tell
an expired session from a wrong one.

`--session-seconds` deliberately deviates from AWS: the shortest session on AWS lasts 15 minutes, too long for
a test.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlencode

from ministack.services import sts

from .patch import replace

_seconds: int | None = None


def install() -> None:
    replace(sts, "_evict_expired_sessions", _remember_expired_sessions)


def last(seconds: int | None) -> None:
    """Sets the lifetime of all sessions in seconds; None uses the duration in the request."""
    global _seconds
    _seconds = seconds


def _remember_expired_sessions() -> None:
    """Keeps expired sessions; each needs a few hundred bytes."""


def as_granted(headers: dict, body: bytes, query_params: dict) -> tuple[bytes, dict]:
    """Limits the duration of an AssumeRole request after the IAM check."""
    if _seconds is None:
        return body, query_params
    if "json" in headers.get("content-type", ""):
        return json.dumps({**json.loads(body), "DurationSeconds": _seconds}).encode(), query_params
    if body:
        asked = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        return urlencode({**asked, "DurationSeconds": [_seconds]}, doseq=True).encode(), query_params
    return body, {**query_params, "DurationSeconds": [str(_seconds)]}
