from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.save_template import SaveTemplate
from ...models.template import Template
from ...types import UNSET, Response, Unset


def _get_kwargs(
    key: str,
    *,
    body: SaveTemplate,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/v1/templates/{key}".format(
            key=quote(str(key), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | Template | None:
    if response.status_code == 200:
        response_200 = Template.from_dict(response.json())

        return response_200

    if response.status_code == 201:
        response_201 = Template.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | Template]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    key: str,
    *,
    client: AuthenticatedClient | Client,
    body: SaveTemplate,
    idempotency_key: str | Unset = UNSET,
) -> Response[Problem | Template]:
    """Saves a prompt template as a new version.

     Versions are immutable. A prompt template with a syntax error, an unknown name or too deep nesting
    is refused with
    422, and so is one that always fails, or reads a variable that `variables` does not declare. A
    message of `system`
    reads only variables that are declared with `"x-instruction": true`.

    Needs the role `writer`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (SaveTemplate): A prompt template to save.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Template]
    """

    kwargs = _get_kwargs(
        key=key,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    key: str,
    *,
    client: AuthenticatedClient | Client,
    body: SaveTemplate,
    idempotency_key: str | Unset = UNSET,
) -> Problem | Template | None:
    """Saves a prompt template as a new version.

     Versions are immutable. A prompt template with a syntax error, an unknown name or too deep nesting
    is refused with
    422, and so is one that always fails, or reads a variable that `variables` does not declare. A
    message of `system`
    reads only variables that are declared with `"x-instruction": true`.

    Needs the role `writer`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (SaveTemplate): A prompt template to save.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Template
    """

    return sync_detailed(
        key=key,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    key: str,
    *,
    client: AuthenticatedClient | Client,
    body: SaveTemplate,
    idempotency_key: str | Unset = UNSET,
) -> Response[Problem | Template]:
    """Saves a prompt template as a new version.

     Versions are immutable. A prompt template with a syntax error, an unknown name or too deep nesting
    is refused with
    422, and so is one that always fails, or reads a variable that `variables` does not declare. A
    message of `system`
    reads only variables that are declared with `"x-instruction": true`.

    Needs the role `writer`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (SaveTemplate): A prompt template to save.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Template]
    """

    kwargs = _get_kwargs(
        key=key,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    key: str,
    *,
    client: AuthenticatedClient | Client,
    body: SaveTemplate,
    idempotency_key: str | Unset = UNSET,
) -> Problem | Template | None:
    """Saves a prompt template as a new version.

     Versions are immutable. A prompt template with a syntax error, an unknown name or too deep nesting
    is refused with
    422, and so is one that always fails, or reads a variable that `variables` does not declare. A
    message of `system`
    reads only variables that are declared with `"x-instruction": true`.

    Needs the role `writer`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.
        body (SaveTemplate): A prompt template to save.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Template
    """

    return (
        await asyncio_detailed(
            key=key,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
