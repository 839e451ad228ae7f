from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.template import Template
from ...types import UNSET, Response, Unset


def _get_kwargs(
    key: str,
    *,
    version: int | Unset = UNSET,
    label: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["version"] = version

    params["label"] = label

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/templates/{key}".format(
            key=quote(str(key), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | Template | None:
    if response.status_code == 200:
        response_200 = Template.from_dict(response.json())

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
    version: int | Unset = UNSET,
    label: str | Unset = UNSET,
) -> Response[Problem | Template]:
    """Returns one prompt template.

     Its latest version, the version with the requested number, or the one that a label points at.

    Needs the role `reader`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        version (int | Unset):
        label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Template]
    """

    kwargs = _get_kwargs(
        key=key,
        version=version,
        label=label,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    key: str,
    *,
    client: AuthenticatedClient | Client,
    version: int | Unset = UNSET,
    label: str | Unset = UNSET,
) -> Problem | Template | None:
    """Returns one prompt template.

     Its latest version, the version with the requested number, or the one that a label points at.

    Needs the role `reader`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        version (int | Unset):
        label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Template
    """

    return sync_detailed(
        key=key,
        client=client,
        version=version,
        label=label,
    ).parsed


async def asyncio_detailed(
    key: str,
    *,
    client: AuthenticatedClient | Client,
    version: int | Unset = UNSET,
    label: str | Unset = UNSET,
) -> Response[Problem | Template]:
    """Returns one prompt template.

     Its latest version, the version with the requested number, or the one that a label points at.

    Needs the role `reader`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        version (int | Unset):
        label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Template]
    """

    kwargs = _get_kwargs(
        key=key,
        version=version,
        label=label,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    key: str,
    *,
    client: AuthenticatedClient | Client,
    version: int | Unset = UNSET,
    label: str | Unset = UNSET,
) -> Problem | Template | None:
    """Returns one prompt template.

     Its latest version, the version with the requested number, or the one that a label points at.

    Needs the role `reader`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        version (int | Unset):
        label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.

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
            version=version,
            label=label,
        )
    ).parsed
