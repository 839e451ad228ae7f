from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.document_page import DocumentPage
from ...models.metadata_equals import MetadataEquals
from ...models.problem import Problem
from ...models.shown_status import ShownStatus
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    status: ShownStatus | Unset = UNSET,
    type_: str | Unset = UNSET,
    metadata: MetadataEquals | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status.value

    params["status"] = json_status

    params["type"] = type_

    json_metadata: dict[str, Any] | Unset = UNSET
    if not isinstance(metadata, Unset):
        json_metadata = metadata.to_dict()
    if not isinstance(json_metadata, Unset):
        params.update(json_metadata)

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/documents",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> DocumentPage | Problem | None:
    if response.status_code == 200:
        response_200 = DocumentPage.from_dict(response.json())

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
) -> Response[DocumentPage | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    status: ShownStatus | Unset = UNSET,
    type_: str | Unset = UNSET,
    metadata: MetadataEquals | Unset = UNSET,
) -> Response[DocumentPage | Problem]:
    """Lists the tenant's documents, newest first.

     Pass the `cursor` of a page to get the next one. With a filter, a page may have fewer items than
    `limit`, or none, and
    still a `cursor`: one request examines at most 500 documents.

    Needs the role `reader`.

    Args:
        limit (int | Unset):
        cursor (str | Unset): Id of a document. Example: 0192f3c5b7a07e0e9d3a5c1b2d4e6f80.
        status (ShownStatus | Unset): The status of the newest revision. `waiting`: see
            `waiting_reason`. `dead`: the document is among the dead letters.
        type_ (str | Unset): Content type of the document: `text/plain`, `text/markdown`,
            `text/html`, `application/pdf`, `application/vnd.openxmlformats-
            officedocument.wordprocessingml.document`, `application/vnd.oasis.opendocument.text`,
            `application/vnd.openxmlformats-officedocument.spreadsheetml.sheet`,
            `application/vnd.oasis.opendocument.spreadsheet`, `text/csv`, `text/tab-separated-values`,
            `application/vnd.openxmlformats-officedocument.presentationml.presentation`,
            `application/epub+zip`, `application/json`, `application/x-ndjson`, `message/rfc822`.
        metadata (MetadataEquals | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DocumentPage | Problem]
    """

    kwargs = _get_kwargs(
        limit=limit,
        cursor=cursor,
        status=status,
        type_=type_,
        metadata=metadata,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    status: ShownStatus | Unset = UNSET,
    type_: str | Unset = UNSET,
    metadata: MetadataEquals | Unset = UNSET,
) -> DocumentPage | Problem | None:
    """Lists the tenant's documents, newest first.

     Pass the `cursor` of a page to get the next one. With a filter, a page may have fewer items than
    `limit`, or none, and
    still a `cursor`: one request examines at most 500 documents.

    Needs the role `reader`.

    Args:
        limit (int | Unset):
        cursor (str | Unset): Id of a document. Example: 0192f3c5b7a07e0e9d3a5c1b2d4e6f80.
        status (ShownStatus | Unset): The status of the newest revision. `waiting`: see
            `waiting_reason`. `dead`: the document is among the dead letters.
        type_ (str | Unset): Content type of the document: `text/plain`, `text/markdown`,
            `text/html`, `application/pdf`, `application/vnd.openxmlformats-
            officedocument.wordprocessingml.document`, `application/vnd.oasis.opendocument.text`,
            `application/vnd.openxmlformats-officedocument.spreadsheetml.sheet`,
            `application/vnd.oasis.opendocument.spreadsheet`, `text/csv`, `text/tab-separated-values`,
            `application/vnd.openxmlformats-officedocument.presentationml.presentation`,
            `application/epub+zip`, `application/json`, `application/x-ndjson`, `message/rfc822`.
        metadata (MetadataEquals | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DocumentPage | Problem
    """

    return sync_detailed(
        client=client,
        limit=limit,
        cursor=cursor,
        status=status,
        type_=type_,
        metadata=metadata,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    status: ShownStatus | Unset = UNSET,
    type_: str | Unset = UNSET,
    metadata: MetadataEquals | Unset = UNSET,
) -> Response[DocumentPage | Problem]:
    """Lists the tenant's documents, newest first.

     Pass the `cursor` of a page to get the next one. With a filter, a page may have fewer items than
    `limit`, or none, and
    still a `cursor`: one request examines at most 500 documents.

    Needs the role `reader`.

    Args:
        limit (int | Unset):
        cursor (str | Unset): Id of a document. Example: 0192f3c5b7a07e0e9d3a5c1b2d4e6f80.
        status (ShownStatus | Unset): The status of the newest revision. `waiting`: see
            `waiting_reason`. `dead`: the document is among the dead letters.
        type_ (str | Unset): Content type of the document: `text/plain`, `text/markdown`,
            `text/html`, `application/pdf`, `application/vnd.openxmlformats-
            officedocument.wordprocessingml.document`, `application/vnd.oasis.opendocument.text`,
            `application/vnd.openxmlformats-officedocument.spreadsheetml.sheet`,
            `application/vnd.oasis.opendocument.spreadsheet`, `text/csv`, `text/tab-separated-values`,
            `application/vnd.openxmlformats-officedocument.presentationml.presentation`,
            `application/epub+zip`, `application/json`, `application/x-ndjson`, `message/rfc822`.
        metadata (MetadataEquals | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DocumentPage | Problem]
    """

    kwargs = _get_kwargs(
        limit=limit,
        cursor=cursor,
        status=status,
        type_=type_,
        metadata=metadata,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    status: ShownStatus | Unset = UNSET,
    type_: str | Unset = UNSET,
    metadata: MetadataEquals | Unset = UNSET,
) -> DocumentPage | Problem | None:
    """Lists the tenant's documents, newest first.

     Pass the `cursor` of a page to get the next one. With a filter, a page may have fewer items than
    `limit`, or none, and
    still a `cursor`: one request examines at most 500 documents.

    Needs the role `reader`.

    Args:
        limit (int | Unset):
        cursor (str | Unset): Id of a document. Example: 0192f3c5b7a07e0e9d3a5c1b2d4e6f80.
        status (ShownStatus | Unset): The status of the newest revision. `waiting`: see
            `waiting_reason`. `dead`: the document is among the dead letters.
        type_ (str | Unset): Content type of the document: `text/plain`, `text/markdown`,
            `text/html`, `application/pdf`, `application/vnd.openxmlformats-
            officedocument.wordprocessingml.document`, `application/vnd.oasis.opendocument.text`,
            `application/vnd.openxmlformats-officedocument.spreadsheetml.sheet`,
            `application/vnd.oasis.opendocument.spreadsheet`, `text/csv`, `text/tab-separated-values`,
            `application/vnd.openxmlformats-officedocument.presentationml.presentation`,
            `application/epub+zip`, `application/json`, `application/x-ndjson`, `message/rfc822`.
        metadata (MetadataEquals | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DocumentPage | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            limit=limit,
            cursor=cursor,
            status=status,
            type_=type_,
            metadata=metadata,
        )
    ).parsed
