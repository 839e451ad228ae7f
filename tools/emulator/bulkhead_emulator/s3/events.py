"""S3's events for EventBridge, with the version of the object.

AWS (AmazonS3/latest/userguide/ev-events): `detail.object` holds key, size, etag, sequencer and, in a
bucket with versioning, `version-id`, which MiniStack lacks.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, s3

from ..patch import replace

_version: ContextVar[str | None] = ContextVar("version_of_event", default=None)


def install() -> None:
    global _fire, _dispatch
    _fire = replace(s3, "_fire_s3_event", fire)
    _dispatch = replace(eventbridge, "_dispatch_event", dispatch)


_fire: Any = None
_dispatch: Any = None


def fire(*arguments: Any, **options: Any) -> None:
    token = _version.set(options.get("version_id"))
    try:
        _fire(*arguments, **options)
    finally:
        _version.reset(token)


def dispatch(event: dict, *more: Any) -> None:
    version = _version.get()
    if version and event.get("Source") == "aws.s3":
        detail = json.loads(event["Detail"])
        detail["object"]["version-id"] = version
        event = {**event, "Detail": json.dumps(detail)}
    _dispatch(event, *more)
