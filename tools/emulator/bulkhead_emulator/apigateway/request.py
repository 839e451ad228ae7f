"""One request at the gateway: identity, limits and variables.

AWS (http-api-vs-rest limits; api-gateway-mapping-template-reference): a payload above 10 MB is refused
with 413; `$context.requestId` is the id in the event, in gateway responses and in `x-amzn-RequestId`;
`identity.sourceIp` is the address of the connection, not the client's X-Forwarded-For.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from ministack.core.iam_evaluator import _request_origin
from ministack.core.responses import new_uuid
from ministack.services import apigateway_v1

from ..patch import replace

PAYLOAD_LIMIT = 10 * 1024 * 1024

current: ContextVar[dict] = ContextVar("gateway_request", default={})  # noqa: B039 - never changed


def install() -> None:
    global _build_event
    replace(apigateway_v1, "_handle_execute_in_scope", handle)
    _build_event = replace(apigateway_v1, "_build_lambda_event_v1", build_event)


_build_event: Any = None


async def handle(
    api_id: str,
    stage_name: str,
    method: str,
    path: str,
    headers: dict,
    body: bytes,
    query_params: dict,
    account_id: str,
    region: str,
) -> tuple:
    headers = forwarded(headers)
    stage = apigateway_v1._stages_v1.get(api_id, {}).get(stage_name) or {}
    request = {
        "api_id": api_id,
        "stage_name": stage_name,
        "stage": stage,
        "headers": headers,
        "query_params": query_params or {},
        "path_params": {},
        "resource_path": "",
        "request_id": new_uuid(),
        "method": method,
        "path": path,
        "account_id": account_id,
        "source_ip": source_ip(),
        "authorizer": {},
    }
    token = current.set(request)
    try:
        if len(body or b"") > PAYLOAD_LIMIT and request["stage"]:
            response = apigateway_v1._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
        else:
            response = await apigateway_v1._execute_in_scope(
                request, api_id, stage_name, method, path, headers, body, query_params, account_id, region
            )
        if isinstance(response, apigateway_v1._GatewayError):
            response = apigateway_v1._gateway_error_response(response, request)
        status, response_headers, content = response
        response_headers.setdefault("x-amzn-requestid", request["request_id"])
        return status, response_headers, content
    finally:
        current.reset(token)


def forwarded(headers: dict) -> dict:
    """Returns the headers with the client's address appended to X-Forwarded-For."""
    claimed = headers.get("x-forwarded-for")
    address = source_ip()
    return {
        **headers,
        "x-forwarded-for": f"{claimed}, {address}" if claimed else address,
        "x-forwarded-proto": "https",
        "x-forwarded-port": "443",
    }


def source_ip() -> str:
    return _request_origin.get()[0]


def build_event(*arguments: Any, **options: Any) -> dict:
    event = _build_event(*arguments, **options)
    event.pop("version", None)  # only events of HTTP APIs have a version
    request = current.get()
    if request:
        context = event["requestContext"]
        context["requestId"] = request["request_id"]
        context["identity"]["sourceIp"] = request["source_ip"]
    return event


def context_value(name: str) -> str | None:
    """Returns a `$context` variable of the current request, or None if it has no value."""
    request = current.get()
    if not request:
        return None
    if name.startswith("authorizer."):
        value = (request.get("authorizer") or {}).get(name.removeprefix("authorizer."))
        return None if value is None else str(value)
    return {
        "requestId": request["request_id"],
        "extendedRequestId": request["request_id"],
        "apiId": request["api_id"],
        "accountId": request["account_id"],
        "stage": request["stage_name"],
        "resourcePath": request["resource_path"],
        "httpMethod": request["method"],
        "path": f"/{request['stage_name']}{request['path']}",
        "protocol": "HTTP/1.1",
        "identity.sourceIp": request["source_ip"],
        "identity.userAgent": request["headers"].get("user-agent", ""),
    }.get(name)
