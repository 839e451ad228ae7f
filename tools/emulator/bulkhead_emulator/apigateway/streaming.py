"""Response streaming: `responseTransferMode: STREAM` on a Lambda proxy integration.

AWS (response-transfer-mode): the integration URI ends in `response-streaming-invocations`; the function
answers with JSON metadata, eight NUL bytes within the first 16 KB, and the body, which is forwarded at once. A
buffered answer behind a streaming URI is a 500; a streamed answer behind a buffered URI has no body. The
function keeps running if the client disconnects.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ministack.core.responses import StreamingResponse
from ministack.services import apigateway_v1

from ..functions.streaming import Sink, receiving
from .gateway_responses import failure

_SEPARATOR = b"\0" * 8
_PRELUDE_LIMIT = 16 * 1024
_SUFFIX = "/response-streaming-invocations"
_INTERNAL = "Internal server error"
_FRAMING = ("content-length", "transfer-encoding")


class NoStream(Exception):
    """The function's answer is not a stream; the client receives a gateway response."""

    def __init__(self, error: Any) -> None:
        super().__init__(error.response_type)
        self.error = error


def is_streaming(integration: dict) -> bool:
    return str(integration.get("responseTransferMode") or "").upper() == "STREAM"


def prelude_of(answer: Any) -> Any:
    """Returns the metadata of a streamed answer without its body, as a buffered integration does."""
    if not isinstance(answer, bytes) or _SEPARATOR not in answer:
        return answer
    return _metadata(answer.partition(_SEPARATOR)[0])


async def invoke(
    call_lambda: Any,
    integration: dict,
    timeout: float,
    api_id: str,
    stage_name: str,
    stage: dict,
    resource: dict,
    path: str,
    method: str,
    headers: dict,
    body: bytes,
    query_params: dict,
    path_params: dict,
    *,
    owner_account_id: str,
    owner_region: str,
    binary_media_types: list,
    authorizer_context: dict | None,
    caller_identity: dict | None,
) -> tuple:
    """Invokes the function and answers when its metadata arrives."""
    event = apigateway_v1._build_lambda_event_v1(
        api_id,
        stage_name,
        stage,
        resource,
        path,
        method,
        headers,
        body,
        query_params,
        path_params,
        binary_media_types=binary_media_types,
        authorizer_context=authorizer_context,
        caller_identity=caller_identity,
    )
    uri = integration.get("uri", "")
    if not uri.endswith(_SUFFIX):
        raise NoStream(failure("API_CONFIGURATION_ERROR", _INTERNAL, 500))
    reference = apigateway_v1._extract_lambda_ref_from_integration_uri(uri.removesuffix(_SUFFIX) + "/invocations")
    sink = Sink(asyncio.get_running_loop())
    with receiving(sink):
        running = asyncio.ensure_future(call_lambda(reference, event, account_id=owner_account_id, region=owner_region))
    running.add_done_callback(lambda _: sink.end())
    try:
        metadata, first = await asyncio.wait_for(_prelude(sink, running), timeout)
    except TimeoutError:
        running.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise NoStream(apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")) from None
    return int(metadata.get("statusCode", 200)), _headers(metadata), StreamingResponse(_sender(first, sink, running))


async def _prelude(sink: Sink, running: asyncio.Future) -> tuple[dict, bytes]:
    """Returns the metadata and the first part of the body."""
    received = b""
    while _SEPARATOR not in received:
        chunk = await sink.get()
        if chunk is None or len(received) > _PRELUDE_LIMIT + len(_SEPARATOR):
            raise NoStream(await _reason(running, buffered=not received))
        received += chunk
    head, _, rest = received.partition(_SEPARATOR)
    metadata = _metadata(head)
    if metadata is None:
        raise NoStream(failure("DEFAULT_5XX", _INTERNAL, 502))
    return metadata, rest


async def _reason(running: asyncio.Future, *, buffered: bool) -> Any:
    """Returns why there is no stream: no function, throttled, failed, or a buffered answer."""
    result, missing = await running
    if missing:
        return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", _INTERNAL)
    if result.get("throttle"):
        return failure("INTEGRATION_FAILURE", _INTERNAL, 500)
    return failure("DEFAULT_5XX", _INTERNAL, 500 if buffered and not result.get("error") else 502)


def _metadata(head: bytes) -> dict | None:
    try:
        found = json.loads(head)
    except ValueError:
        return None
    return found if isinstance(found, dict) and str(found.get("statusCode", 200)).isdigit() else None


def _headers(metadata: dict) -> dict[str, Any]:
    headers: dict[str, Any] = {"Content-Type": "application/json"}
    given = {**(metadata.get("headers") or {}), **(metadata.get("multiValueHeaders") or {})}
    for name, value in given.items():
        for known in [n for n in headers if n.lower() == name.lower()]:
            del headers[known]
        headers[name] = value if isinstance(value, list) else str(value)
    if metadata.get("cookies"):
        headers["Set-Cookie"] = list(metadata["cookies"])
    return {name: value for name, value in headers.items() if name.lower() not in _FRAMING}


def _sender(first: bytes, sink: Sink, running: asyncio.Future) -> Any:
    async def send_body(send: Any, receive: Any) -> None:
        chunk: bytes | None = first
        while chunk is not None:
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            chunk = await sink.get()
        result, _ = await running
        if not result.get("error"):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        # Otherwise the last frame stays missing, which tells the client that the response is incomplete.

    return send_body
