from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    key: str,
    label: str,
    *,
    if_match: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_match, Unset):
        headers["If-Match"] = if_match

    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/v1/templates/{key}/labels/{label}".format(
            key=quote(str(key), safe=""),
            label=quote(str(label), safe=""),
        ),
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | Problem | None:
    if response.status_code == 204:
        response_204 = cast(Any, None)
        return response_204

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

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

    if response.status_code == 428:
        response_428 = Problem.from_dict(response.json())

        return response_428

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    key: str,
    label: str,
    *,
    client: AuthenticatedClient | Client,
    if_match: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Response[Any | Problem]:
    """Deletes a label.

     The version that it points at stays. Needs `If-Match` with the `ETag` of the labels.

    Needs the role `writer`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        label (str): Label of a prompt template. `latest` is reserved. Example: production.
        if_match (str | Unset): A strong entity tag. Example: "5d41402abc4b2a76b9719d911017c592".
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        key=key,
        label=label,
        if_match=if_match,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    key: str,
    label: str,
    *,
    client: AuthenticatedClient | Client,
    if_match: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Any | Problem | None:
    """Deletes a label.

     The version that it points at stays. Needs `If-Match` with the `ETag` of the labels.

    Needs the role `writer`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        label (str): Label of a prompt template. `latest` is reserved. Example: production.
        if_match (str | Unset): A strong entity tag. Example: "5d41402abc4b2a76b9719d911017c592".
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return sync_detailed(
        key=key,
        label=label,
        client=client,
        if_match=if_match,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    key: str,
    label: str,
    *,
    client: AuthenticatedClient | Client,
    if_match: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Response[Any | Problem]:
    """Deletes a label.

     The version that it points at stays. Needs `If-Match` with the `ETag` of the labels.

    Needs the role `writer`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        label (str): Label of a prompt template. `latest` is reserved. Example: production.
        if_match (str | Unset): A strong entity tag. Example: "5d41402abc4b2a76b9719d911017c592".
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        key=key,
        label=label,
        if_match=if_match,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    key: str,
    label: str,
    *,
    client: AuthenticatedClient | Client,
    if_match: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
) -> Any | Problem | None:
    """Deletes a label.

     The version that it points at stays. Needs `If-Match` with the `ETag` of the labels.

    Needs the role `writer`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        label (str): Label of a prompt template. `latest` is reserved. Example: production.
        if_match (str | Unset): A strong entity tag. Example: "5d41402abc4b2a76b9719d911017c592".
        idempotency_key (str | Unset): A key of one request, chosen by the caller. Quotes around
            it do not count. Example: 8e03978e-40d5-43e8-bc93-6894a57f9324.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return (
        await asyncio_detailed(
            key=key,
            label=label,
            client=client,
            if_match=if_match,
            idempotency_key=idempotency_key,
        )
    ).parsed
