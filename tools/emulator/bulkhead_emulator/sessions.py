"""How long a session lasts, and what is said of one that is over.

AWS (IAM User Guide, troubleshoot_security-creds): credentials past their Expiration are refused as
expired, however long ago that was. MiniStack forgets an expired session at the next AssumeRole and says
from then on that it never knew the key, which tells a client that renews in time from one that does not
nothing at all.

`--session-seconds` is the one way in which this emulator leaves AWS on purpose: no test can wait for the
15 minutes that the shortest session lasts there.
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
    """Let every session end after so many seconds, whatever was asked; None leaves it to the request."""
    global _seconds
    _seconds = seconds


def _remember_expired_sessions() -> None:
    """A session's memory is a few hundred bytes, and the emulator keeps nothing after it ends."""


def as_granted(headers: dict, body: bytes, query_params: dict) -> tuple[bytes, dict]:
    """An AssumeRole request, already judged, that asks for no more than is granted here."""
    if _seconds is None:
        return body, query_params
    if "json" in headers.get("content-type", ""):
        return json.dumps({**json.loads(body), "DurationSeconds": _seconds}).encode(), query_params
    if body:
        asked = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        return urlencode({**asked, "DurationSeconds": [_seconds]}, doseq=True).encode(), query_params
    return body, {**query_params, "DurationSeconds": [str(_seconds)]}
