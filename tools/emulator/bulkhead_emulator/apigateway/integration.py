"""Integrations: tenant, permission, limits and failures of Lambda proxies; media types of all.

AWS (rest-api-parameter-mapping-sources; lambda tenant-isolation-invoke): a mapping to
`integration.request.header.X-Amz-Tenant-Id` sets Invoke's tenant id. Without a mapping there is no tenant id,
even if the client sends the header. A function error or a malformed answer is a 502. A throttled or refused
invocation is a 500. A time-out is a 504 with "Endpoint request timed out".

AWS (api-gateway-payload-encodings-workflow): a request without a content type is `application/json`. If the type is
one of the API's binary media types, a proxy gets the body as base64, and the request template of another integration
cannot be applied ("Unable to transform request", a 500) unless `contentHandling` is `CONVERT_TO_TEXT`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ministack.services import apigateway_v1, lambda_svc

from ..functions import tenancy
from ..functions.invocation import SYNCHRONOUS_LIMIT
from ..functions.permissions import API_GATEWAY, service_may_invoke
from ..patch import replace
from . import streaming
from .gateway_responses import failure
from .request import context_value, current

_INTERNAL = "Internal server error"
_PREFIX = "integration.request.header."
_ANSWER_KEYS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


def install() -> None:
    global _invoke_proxy, _invoke_mock, _media_type_matches
    _invoke_proxy = replace(apigateway_v1, "_invoke_lambda_proxy_v1", invoke_proxy)
    _invoke_mock = replace(apigateway_v1, "_invoke_mock_v1", invoke_mock)
    _media_type_matches = replace(apigateway_v1, "_media_type_matches", media_type_matches)
    replace(apigateway_v1, "_call_lambda_raw", call_lambda)
    replace(apigateway_v1, "_lambda_proxy_response", proxy_response)


_invoke_proxy: Any = None
_invoke_mock: Any = None
_media_type_matches: Any = None


class Failed(Exception):
    """The invocation fails with a gateway response."""

    def __init__(self, error: Any) -> None:
        super().__init__(error.response_type)
        self.error = error


async def invoke_proxy(integration: dict, *arguments: Any, **options: Any) -> Any:
    request = current.get()
    request["tenant"] = mapped_headers(integration.get("requestParameters") or {}).get(tenancy.HEADER)
    timeout = int(integration.get("timeoutInMillis") or 29000) / 1000
    if streaming.is_streaming(integration):
        try:
            return await streaming.invoke(call_lambda, integration, timeout, *arguments, **options)
        except (Failed, streaming.NoStream) as failed:
            return failed.error
    running = asyncio.ensure_future(_invoke_proxy(integration, *arguments, **options))
    try:
        return await asyncio.wait_for(asyncio.shield(running), timeout)
    except Failed as failed:
        return failed.error
    except TimeoutError:
        running.add_done_callback(_forget)
        return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")


def media_type_matches(media_type: str | None, binary_media_types: list) -> bool:
    return _media_type_matches(media_type or "application/json", binary_media_types)


def invoke_mock(integration: dict) -> Any:
    request = current.get()
    binary = apigateway_v1._rest_apis.get(request["api_id"], {}).get("binaryMediaTypes") or []
    is_binary = media_type_matches(request["headers"].get("content-type"), binary)
    if is_binary and integration.get("contentHandling") != "CONVERT_TO_TEXT":
        return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", _INTERNAL)
    return _invoke_mock(integration)


def _forget(running: asyncio.Future) -> None:
    """Discards the answer of a function that runs on after the gateway's time-out."""
    if not running.cancelled():
        running.exception()


def mapped_headers(parameters: dict) -> dict[str, str]:
    """Returns the headers of the Invoke call that the integration's request parameters set."""
    found = {}
    for target, source in parameters.items():
        if target.startswith(_PREFIX):
            value = _source_value(str(source))
            if value is not None:
                found[target.removeprefix(_PREFIX).lower()] = value
    return found


def _source_value(source: str) -> str | None:
    if source.startswith("context."):
        return context_value(source.removeprefix("context."))
    return apigateway_v1._gateway_request_value(source, current.get())


async def call_lambda(
    reference: str, event: Any, *, account_id: str | None = None, region: str | None = None
) -> tuple[dict | None, str | None]:
    """Invokes the integration's function as API Gateway does. Raises :class:`Failed` on an error."""
    request = current.get()
    function, config, name = lambda_svc._get_func_record_for_ref_in_scope(
        reference, account_id=account_id, region=region
    )
    if function is None or config is None:
        return None, f"Lambda function {reference or name!r} not found"
    source = (
        f"arn:aws:execute-api:{region}:{account_id}:{request['api_id']}/{request['stage_name']}/"
        f"{request['method']}{request['resource_path']}"
    )
    if not service_may_invoke(config, function.get("policy"), API_GATEWAY, source):
        lambda_svc.logger.warning(
            "API Gateway: the policy of %s does not let %s invoke it; add an "
            "AWS::Lambda::Permission for apigateway.amazonaws.com",
            reference,
            source,
        )
        raise Failed(failure("API_CONFIGURATION_ERROR", _INTERNAL, 500))
    if len(json.dumps(event, ensure_ascii=False).encode()) > SYNCHRONOUS_LIMIT:
        raise Failed(apigateway_v1._gw_error("REQUEST_TOO_LARGE", "Request Too Long"))
    tenant = request.get("tenant") or None
    try:
        tenancy.check(config, tenant)
    except tenancy.InvalidTenant as error:
        lambda_svc.logger.warning("API Gateway: %s refused the invocation: %s", reference, error)
        raise Failed(failure("INTEGRATION_FAILURE", _INTERNAL, 500)) from error
    record = lambda_svc._execution_record_for_config(function, config)
    with tenancy.invoking_for(tenant):
        result = await apigateway_v1.run_reentrant(
            lambda_svc._execute_function_with_config_scope, record, event, thread_name="gateway-invoke"
        )
    return result, None


def proxy_response(result: dict) -> tuple[dict | None, str | None]:
    """Returns the function's answer as `{statusCode, headers, body}`. Raises :class:`Failed` if it is malformed."""
    if result.get("throttle"):
        raise Failed(failure("INTEGRATION_FAILURE", _INTERNAL, 500))
    answer = streaming.prelude_of(result.get("body"))
    if result.get("error") or not _well_formed(answer):
        raise Failed(failure("DEFAULT_5XX", _INTERNAL, 502))
    return {"statusCode": 200, **answer}, None


def _well_formed(answer: Any) -> bool:
    if not isinstance(answer, dict):
        return False
    if "statusCode" not in answer and answer.keys() - _ANSWER_KEYS:
        return False
    status, body = answer.get("statusCode", 200), answer.get("body")
    return str(status).isdigit() and 100 <= int(status) <= 599 and (body is None or isinstance(body, str))
