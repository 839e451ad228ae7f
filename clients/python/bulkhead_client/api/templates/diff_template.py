from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.template_diff import TemplateDiff
from ...types import UNSET, Response, Unset


def _get_kwargs(
    key: str,
    *,
    from_: int | Unset = UNSET,
    from_label: str | Unset = UNSET,
    to: int | Unset = UNSET,
    to_label: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["from"] = from_

    params["from_label"] = from_label

    params["to"] = to

    params["to_label"] = to_label

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/templates/{key}/diff".format(
            key=quote(str(key), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | TemplateDiff | None:
    if response.status_code == 200:
        response_200 = TemplateDiff.from_dict(response.json())

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


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Problem | TemplateDiff]:
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
    from_: int | Unset = UNSET,
    from_label: str | Unset = UNSET,
    to: int | Unset = UNSET,
    to_label: str | Unset = UNSET,
) -> Response[Problem | TemplateDiff]:
    """Returns the differences between two versions of a prompt template.

     Each difference is in the unified format of `diff`, with three lines around a change. Equal versions
    have none.

    Needs the role `reader`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        from_ (int | Unset):
        from_label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.
        to (int | Unset):
        to_label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | TemplateDiff]
    """

    kwargs = _get_kwargs(
        key=key,
        from_=from_,
        from_label=from_label,
        to=to,
        to_label=to_label,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    key: str,
    *,
    client: AuthenticatedClient | Client,
    from_: int | Unset = UNSET,
    from_label: str | Unset = UNSET,
    to: int | Unset = UNSET,
    to_label: str | Unset = UNSET,
) -> Problem | TemplateDiff | None:
    """Returns the differences between two versions of a prompt template.

     Each difference is in the unified format of `diff`, with three lines around a change. Equal versions
    have none.

    Needs the role `reader`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        from_ (int | Unset):
        from_label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.
        to (int | Unset):
        to_label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | TemplateDiff
    """

    return sync_detailed(
        key=key,
        client=client,
        from_=from_,
        from_label=from_label,
        to=to,
        to_label=to_label,
    ).parsed


async def asyncio_detailed(
    key: str,
    *,
    client: AuthenticatedClient | Client,
    from_: int | Unset = UNSET,
    from_label: str | Unset = UNSET,
    to: int | Unset = UNSET,
    to_label: str | Unset = UNSET,
) -> Response[Problem | TemplateDiff]:
    """Returns the differences between two versions of a prompt template.

     Each difference is in the unified format of `diff`, with three lines around a change. Equal versions
    have none.

    Needs the role `reader`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        from_ (int | Unset):
        from_label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.
        to (int | Unset):
        to_label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | TemplateDiff]
    """

    kwargs = _get_kwargs(
        key=key,
        from_=from_,
        from_label=from_label,
        to=to,
        to_label=to_label,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    key: str,
    *,
    client: AuthenticatedClient | Client,
    from_: int | Unset = UNSET,
    from_label: str | Unset = UNSET,
    to: int | Unset = UNSET,
    to_label: str | Unset = UNSET,
) -> Problem | TemplateDiff | None:
    """Returns the differences between two versions of a prompt template.

     Each difference is in the unified format of `diff`, with three lines around a change. Equal versions
    have none.

    Needs the role `reader`.

    Args:
        key (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        from_ (int | Unset):
        from_label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.
        to (int | Unset):
        to_label (str | Unset): Label of a prompt template. `latest` is reserved. Example:
            production.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | TemplateDiff
    """

    return (
        await asyncio_detailed(
            key=key,
            client=client,
            from_=from_,
            from_label=from_label,
            to=to,
            to_label=to_label,
        )
    ).parsed
