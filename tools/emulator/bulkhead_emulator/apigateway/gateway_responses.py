"""Gateway responses: the errors of the gateway itself.

AWS (supported-gateway-response-types): a type that is not customised falls back to DEFAULT_4XX or
DEFAULT_5XX; "changing the status code of this fallback gateway response changes the status codes of all
other 4XX (5XX) responses"; response templates support simple `$context` variables and no control structures.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.services import apigateway_v1

from ..patch import replace
from .request import context_value

_VARIABLE = re.compile(r"\$(?:\{context\.([\w.]+)\}|context\.([A-Za-z][\w.]*\w))")
_LEADING_SPACE = (
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_5XX",
)


def install() -> None:
    global _response_for_type
    _response_for_type = replace(apigateway_v1, "_gateway_response_for_type", response_for_type)
    replace(apigateway_v1, "_gateway_error_response", render)


_response_for_type: Any = None


def failure(kind: str, message: str | None, status: int) -> Any:
    """A gateway error whose status differs from the default of its type unless the type is customised."""
    error = apigateway_v1._GatewayError(kind, message, "InternalServerErrorException")
    error.status = status
    return error


def response_for_type(customized: dict, kind: str) -> dict:
    response = _response_for_type(customized, kind)
    family = customized.get(apigateway_v1._gateway_response_family(kind))
    if kind not in customized and family and family.get("statusCode"):
        response["statusCode"] = family["statusCode"]
    return response


def render(error: Any, request: dict) -> tuple[int, dict, bytes]:
    """Returns the HTTP answer to a gateway error, with the responses of the stage's deployment."""
    deployed = apigateway_v1._deployed_gateway_responses.get(request["api_id"], {})
    customized = deployed.get(request["stage"].get("deploymentId")) or {}
    kind = error.response_type
    response = response_for_type(customized, kind)
    return (
        _status(error, kind, customized, response),
        _headers(error, kind, response, request),
        _body(error, kind, customized, response, request).encode(),
    )


def _status(error: Any, kind: str, customized: dict, response: dict) -> int:
    chosen = customized.keys() & {kind, apigateway_v1._gateway_response_family(kind)}
    if not any(customized[name].get("statusCode") for name in chosen) and getattr(error, "status", None):
        return error.status
    return int(response.get("statusCode") or (403 if kind == "DEFAULT_4XX" else 500))


def _headers(error: Any, kind: str, response: dict, request: dict) -> dict:
    headers = {"Content-Type": "application/json"}
    for target, source in (response.get("responseParameters") or {}).items():
        if target.startswith("gatewayresponse.header.") and isinstance(source, str):
            value = _parameter(source, request)
            if value is not None:
                headers[target.removeprefix("gatewayresponse.header.")] = value
    error_type = error.error_type or apigateway_v1._GATEWAY_RESPONSE_ERROR_TYPES.get(kind)
    if error_type:
        headers["x-amzn-ErrorType"] = error_type
    headers["x-amzn-requestid"] = request["request_id"]
    return headers


def _parameter(source: str, request: dict) -> str | None:
    value = apigateway_v1._gateway_request_value(source, request)
    if value is None and source.startswith("context."):
        return context_value(source.removeprefix("context."))
    return value


def _body(error: Any, kind: str, customized: dict, response: dict, request: dict) -> str:
    template = (response.get("responseTemplates") or {}).get("application/json")
    if kind == "ACCESS_DENIED" and not customized.keys() & {kind, "DEFAULT_4XX"}:
        template = '{"Message":$context.error.messageString}'
    if template is None:
        template = apigateway_v1._DEFAULT_GATEWAY_RESPONSE_TEMPLATE
    quoted = "null" if error.message is None else json.dumps(error.message)
    own = {
        "error.message": error.message or "",
        "error.messageString": (" " if kind in _LEADING_SPACE else "") + quoted,
        "error.responseType": "API_CONFIGURATION_ERROR" if kind == "AUTHORIZER_CONFIGURATION_ERROR" else kind,
        "requestId": request["request_id"],
        "status": "",
    }

    def fill(match: re.Match) -> str:
        name = match.group(1) or match.group(2)
        if name in own:
            return own[name]
        return context_value(name) or ""

    return _VARIABLE.sub(fill, template)
