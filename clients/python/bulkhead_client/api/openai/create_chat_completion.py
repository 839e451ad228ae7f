from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.chat_completion import ChatCompletion
from ...models.chat_completion_request import ChatCompletionRequest
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: ChatCompletionRequest,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/chat/completions",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ChatCompletion | Problem | None:
    if response.status_code == 200:
        response_200 = ChatCompletion.from_dict(response.json())

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
) -> Response[ChatCompletion | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: ChatCompletionRequest,
    idempotency_key: str | Unset = UNSET,
) -> Response[ChatCompletion | Problem]:
    """Completes a chat, in the form of OpenAI's interface.

     With `stream`, the answer comes in chunks as server-sent events and ends with `[DONE]`. `bulkhead`
    names a prompt
    template and turns on passages. Fields that OpenAI's interface has and this schema has not are
    refused.

    Needs the role `reader`.

    Args:
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (ChatCompletionRequest): A chat to complete.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ChatCompletion | Problem]
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
    body: ChatCompletionRequest,
    idempotency_key: str | Unset = UNSET,
) -> ChatCompletion | Problem | None:
    """Completes a chat, in the form of OpenAI's interface.

     With `stream`, the answer comes in chunks as server-sent events and ends with `[DONE]`. `bulkhead`
    names a prompt
    template and turns on passages. Fields that OpenAI's interface has and this schema has not are
    refused.

    Needs the role `reader`.

    Args:
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (ChatCompletionRequest): A chat to complete.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ChatCompletion | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: ChatCompletionRequest,
    idempotency_key: str | Unset = UNSET,
) -> Response[ChatCompletion | Problem]:
    """Completes a chat, in the form of OpenAI's interface.

     With `stream`, the answer comes in chunks as server-sent events and ends with `[DONE]`. `bulkhead`
    names a prompt
    template and turns on passages. Fields that OpenAI's interface has and this schema has not are
    refused.

    Needs the role `reader`.

    Args:
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (ChatCompletionRequest): A chat to complete.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ChatCompletion | Problem]
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
    body: ChatCompletionRequest,
    idempotency_key: str | Unset = UNSET,
) -> ChatCompletion | Problem | None:
    """Completes a chat, in the form of OpenAI's interface.

     With `stream`, the answer comes in chunks as server-sent events and ends with `[DONE]`. `bulkhead`
    names a prompt
    template and turns on passages. Fields that OpenAI's interface has and this schema has not are
    refused.

    Needs the role `reader`.

    Args:
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (ChatCompletionRequest): A chat to complete.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ChatCompletion | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
