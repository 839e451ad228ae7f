from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.infer import Infer
from ...models.problem import Problem
from ...models.stream_citations import StreamCitations
from ...models.stream_delta import StreamDelta
from ...models.stream_done import StreamDone
from ...models.stream_start import StreamStart
from ...models.usage import Usage
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: Infer,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/inference/stream",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | Problem | StreamCitations | StreamDelta | StreamDone | StreamStart | Usage | None:
    if response.status_code == 200:

        def _parse_response_200(
            data: object,
        ) -> Problem | StreamCitations | StreamDelta | StreamDone | StreamStart | Usage:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_stream_event_type_0 = StreamStart.from_dict(data)

                return componentsschemas_stream_event_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_stream_event_type_1 = StreamCitations.from_dict(data)

                return componentsschemas_stream_event_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_stream_event_type_2 = StreamDelta.from_dict(data)

                return componentsschemas_stream_event_type_2
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_stream_event_type_3 = Usage.from_dict(data)

                return componentsschemas_stream_event_type_3
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_stream_event_type_4 = StreamDone.from_dict(data)

                return componentsschemas_stream_event_type_4
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_stream_event_type_5 = Problem.from_dict(data)

            return componentsschemas_stream_event_type_5

        response_200 = _parse_response_200(response.text)

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = Problem.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        response_500 = Problem.from_dict(response.json())

        return response_500

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if response.status_code == 504:
        response_504 = Problem.from_dict(response.json())

        return response_504

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Problem | Problem | StreamCitations | StreamDelta | StreamDone | StreamStart | Usage]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: Infer,
    idempotency_key: str | Unset = UNSET,
) -> Response[Problem | Problem | StreamCitations | StreamDelta | StreamDone | StreamStart | Usage]:
    """Answers a question while the model writes the answer.

     The same request as `POST /v1/inference`. The answer is a stream of server-sent events, each with an
    object as its
    data: `start`, `citations`, `delta` (many), `usage` and `done`. With `output`, the deltas are parts
    of the JSON text.
    An error after `start` is an event `error` with a problem, and ends the stream. A stream without
    `done` or `error` is
    incomplete.

    Needs the role `reader`.

    Args:
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (Infer): A question to answer.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Problem | StreamCitations | StreamDelta | StreamDone | StreamStart | Usage]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: Infer,
    idempotency_key: str | Unset = UNSET,
) -> Problem | Problem | StreamCitations | StreamDelta | StreamDone | StreamStart | Usage | None:
    """Answers a question while the model writes the answer.

     The same request as `POST /v1/inference`. The answer is a stream of server-sent events, each with an
    object as its
    data: `start`, `citations`, `delta` (many), `usage` and `done`. With `output`, the deltas are parts
    of the JSON text.
    An error after `start` is an event `error` with a problem, and ends the stream. A stream without
    `done` or `error` is
    incomplete.

    Needs the role `reader`.

    Args:
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (Infer): A question to answer.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Problem | StreamCitations | StreamDelta | StreamDone | StreamStart | Usage
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: Infer,
    idempotency_key: str | Unset = UNSET,
) -> Response[Problem | Problem | StreamCitations | StreamDelta | StreamDone | StreamStart | Usage]:
    """Answers a question while the model writes the answer.

     The same request as `POST /v1/inference`. The answer is a stream of server-sent events, each with an
    object as its
    data: `start`, `citations`, `delta` (many), `usage` and `done`. With `output`, the deltas are parts
    of the JSON text.
    An error after `start` is an event `error` with a problem, and ends the stream. A stream without
    `done` or `error` is
    incomplete.

    Needs the role `reader`.

    Args:
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (Infer): A question to answer.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Problem | StreamCitations | StreamDelta | StreamDone | StreamStart | Usage]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: Infer,
    idempotency_key: str | Unset = UNSET,
) -> Problem | Problem | StreamCitations | StreamDelta | StreamDone | StreamStart | Usage | None:
    """Answers a question while the model writes the answer.

     The same request as `POST /v1/inference`. The answer is a stream of server-sent events, each with an
    object as its
    data: `start`, `citations`, `delta` (many), `usage` and `done`. With `output`, the deltas are parts
    of the JSON text.
    An error after `start` is an event `error` with a problem, and ends the stream. A stream without
    `done` or `error` is
    incomplete.

    Needs the role `reader`.

    Args:
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (Infer): A question to answer.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Problem | StreamCitations | StreamDelta | StreamDone | StreamStart | Usage
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
