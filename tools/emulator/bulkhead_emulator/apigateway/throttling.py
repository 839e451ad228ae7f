"""The throttle of a stage: one bucket per method for all callers, before the authorizer.

AWS (api-gateway-request-throttling): the limits of a stage apply at the level of its methods, to all callers, with
or without a key; the answer is the gateway response THROTTLED. AWS gives the order of the throttles and not their
place relative to the authorizer; here a throttled request invokes no authorizer. MiniStack counts a request only
after the authorizer has allowed it, and counts a method that serves all verbs once per verb.
"""

from __future__ import annotations

from typing import Any

from ministack.services import apigateway_v1

from ..patch import replace


def install() -> None:
    global _authorize, _check_throttle
    _authorize = replace(apigateway_v1, "_authorize_request_v1", authorize)
    _check_throttle = replace(apigateway_v1, "_check_throttle", check_usage_plan)


_authorize: Any = None
_check_throttle: Any = None


async def authorize(
    api_id: str, stage_name: str, method: dict, verb: str, path: str, resource: dict, *rest: Any, **options: Any
) -> tuple:
    stage = apigateway_v1._stages_v1.get(api_id, {}).get(stage_name) or {}
    served = method.get("httpMethod") or verb
    if (error := _check_throttle(stage, api_id, stage_name, resource["path"], served, None)) is not None:
        return error, None
    return await _authorize(api_id, stage_name, method, verb, path, resource, *rest, **options)


def check_usage_plan(stage: dict, api_id: str, stage_name: str, path: str, verb: str, key: dict | None) -> Any:
    """Checks only the limits of the caller's key: the stage has counted the request already."""
    return _check_throttle({}, api_id, stage_name, path, verb, key)
