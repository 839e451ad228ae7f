"""Closes MiniStack's own endpoints, except those that a running stack needs.

MiniStack serves messages, function code and configuration under `/_ministack/` without credentials. AWS has no
such endpoint, and a test of isolation must not bypass IAM.
"""

from __future__ import annotations

from typing import Any

from ministack import app

from .patch import replace

_PREFIX = "/_ministack/"
# Health checks; CloudFormation's callbacks, which carry an unguessable token as on AWS.
_OPEN = ("health", "ready", "cfn-response/", "cfn-signal/")


def install() -> None:
    global _handle
    _handle = replace(app, "_handle_pre_body_request", handle)


_handle: Any = None


async def handle(method: str, path: str, headers: dict, query_params: dict, request_id: str) -> Any:
    if path.startswith(_PREFIX) and not path.removeprefix(_PREFIX).startswith(_OPEN):
        return 404, {"Content-Type": "application/json"}, b'{"message":"Not Found"}'
    return await _handle(method, path, headers, query_params, request_id)
