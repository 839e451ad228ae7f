"""Invoke: the tenant id, the payload limits and the payload format.

AWS (Invoke API reference, gettingstarted-limits): 6 MB for synchronous and 1 MB for asynchronous requests,
above that RequestTooLargeException (413); a payload that is not JSON is InvalidRequestContentException;
function URLs, provisioned concurrency, SnapStart and event source mappings exclude tenant isolation.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

from ..patch import replace
from . import tenancy

SYNCHRONOUS_LIMIT = 6 * 1024 * 1024
ASYNCHRONOUS_LIMIT = 1024 * 1024
_INVOKE = re.compile(r"/[\d-]+/functions/([^/]+)/(?:invocations|response-streaming-invocations)/?")


def install() -> None:
    global _handle_request, _invoke, _invoke_streaming
    _handle_request = replace(lambda_svc, "handle_request", handle_request)
    _invoke = replace(lambda_svc, "_invoke", invoke)
    _invoke_streaming = replace(lambda_svc, "_invoke_with_response_stream", invoke_streaming)
    for name in ("_create_esm", "_create_function_url_config", "_put_provisioned_concurrency"):
        replace(lambda_svc, name, _excluding_tenancy(getattr(lambda_svc, name)))


_handle_request: Any = None
_invoke: Any = None
_invoke_streaming: Any = None


async def handle_request(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> tuple:
    if method == "POST" and _INVOKE.fullmatch(unquote(path)):
        error = payload_error(body, asynchronous=headers.get("x-amz-invocation-type") == "Event")
        if error:
            return error
    return await _handle_request(method, path, headers, body, query_params)


def payload_error(body: bytes, *, asynchronous: bool) -> tuple | None:
    limit = ASYNCHRONOUS_LIMIT if asynchronous else SYNCHRONOUS_LIMIT
    if len(body) > limit:
        return error_response_json(
            "RequestTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
            413,
        )
    try:
        json.loads(body or b"null")
    except ValueError as error:
        return error_response_json(
            "InvalidRequestContentException", f"Could not parse request body into json: {error}", 400
        )
    return None


async def invoke(name: str, event: Any, headers: dict, *arguments: Any, **options: Any) -> tuple:
    return await _for_tenant(_invoke, name, event, headers, *arguments, **options)


async def invoke_streaming(name: str, event: Any, headers: dict, *arguments: Any, **options: Any) -> tuple:
    return await _for_tenant(_invoke_streaming, name, event, headers, *arguments, **options)


async def _for_tenant(call: Any, name: str, event: Any, headers: dict, *arguments: Any, **options: Any) -> tuple:
    function = lambda_svc._functions.get(name)
    tenant = headers.get(tenancy.HEADER)
    if function is not None:
        try:
            tenancy.check(function.get("config") or {}, tenant)
        except tenancy.InvalidTenant as error:
            return error_response_json("InvalidParameterValueException", str(error), 400)
    with tenancy.invoking_for(tenant):
        return await call(name, event, headers, *arguments, **options)


def _excluding_tenancy(operation: Any) -> Any:
    """The operation is not available for a function with tenant isolation."""

    def refuse_for_tenant_functions(first: Any, *arguments: Any, **options: Any) -> tuple:
        reference = first.get("FunctionName", "") if isinstance(first, dict) else first
        function = lambda_svc._functions.get(lambda_svc._resolve_name(str(reference)))
        if function is not None and tenancy.is_per_tenant(function.get("config") or {}):
            return error_response_json(
                "InvalidParameterValueException",
                "Functions with tenant isolation can be invoked directly and through API Gateway REST APIs only",
                400,
            )
        return operation(first, *arguments, **options)

    return refuse_for_tenant_functions
