import datetime
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.usage_report import UsageReport
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    from_: datetime.date | Unset = UNSET,
    to: datetime.date | Unset = UNSET,
    group_by: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_from_: str | Unset = UNSET
    if not isinstance(from_, Unset):
        json_from_ = from_.isoformat()
    params["from"] = json_from_

    json_to: str | Unset = UNSET
    if not isinstance(to, Unset):
        json_to = to.isoformat()
    params["to"] = json_to

    params["group_by"] = group_by

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/usage",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | UsageReport | None:
    if response.status_code == 200:
        response_200 = UsageReport.from_dict(response.json())

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
) -> Response[Problem | UsageReport]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    from_: datetime.date | Unset = UNSET,
    to: datetime.date | Unset = UNSET,
    group_by: str | Unset = UNSET,
) -> Response[Problem | UsageReport]:
    """Returns what the tenant's calls of models used, and its budgets.

     Each day is a day in UTC. With `Accept: text/csv` the answer is the lines as CSV, without the
    budgets. A call counts on
    the day on which it started. Records are kept for 400 days.

    Needs the role `reader`.

    Args:
        from_ (datetime.date | Unset): A day of a query. Example: 2026-01-31.
        to (datetime.date | Unset): A day of a query. Example: 2026-01-31.
        group_by (str | Unset): One or more of `day`, `model`, `template` and `route`, separated
            by commas. Each at most once. Example: day,model.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | UsageReport]
    """

    kwargs = _get_kwargs(
        from_=from_,
        to=to,
        group_by=group_by,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    from_: datetime.date | Unset = UNSET,
    to: datetime.date | Unset = UNSET,
    group_by: str | Unset = UNSET,
) -> Problem | UsageReport | None:
    """Returns what the tenant's calls of models used, and its budgets.

     Each day is a day in UTC. With `Accept: text/csv` the answer is the lines as CSV, without the
    budgets. A call counts on
    the day on which it started. Records are kept for 400 days.

    Needs the role `reader`.

    Args:
        from_ (datetime.date | Unset): A day of a query. Example: 2026-01-31.
        to (datetime.date | Unset): A day of a query. Example: 2026-01-31.
        group_by (str | Unset): One or more of `day`, `model`, `template` and `route`, separated
            by commas. Each at most once. Example: day,model.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | UsageReport
    """

    return sync_detailed(
        client=client,
        from_=from_,
        to=to,
        group_by=group_by,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    from_: datetime.date | Unset = UNSET,
    to: datetime.date | Unset = UNSET,
    group_by: str | Unset = UNSET,
) -> Response[Problem | UsageReport]:
    """Returns what the tenant's calls of models used, and its budgets.

     Each day is a day in UTC. With `Accept: text/csv` the answer is the lines as CSV, without the
    budgets. A call counts on
    the day on which it started. Records are kept for 400 days.

    Needs the role `reader`.

    Args:
        from_ (datetime.date | Unset): A day of a query. Example: 2026-01-31.
        to (datetime.date | Unset): A day of a query. Example: 2026-01-31.
        group_by (str | Unset): One or more of `day`, `model`, `template` and `route`, separated
            by commas. Each at most once. Example: day,model.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | UsageReport]
    """

    kwargs = _get_kwargs(
        from_=from_,
        to=to,
        group_by=group_by,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    from_: datetime.date | Unset = UNSET,
    to: datetime.date | Unset = UNSET,
    group_by: str | Unset = UNSET,
) -> Problem | UsageReport | None:
    """Returns what the tenant's calls of models used, and its budgets.

     Each day is a day in UTC. With `Accept: text/csv` the answer is the lines as CSV, without the
    budgets. A call counts on
    the day on which it started. Records are kept for 400 days.

    Needs the role `reader`.

    Args:
        from_ (datetime.date | Unset): A day of a query. Example: 2026-01-31.
        to (datetime.date | Unset): A day of a query. Example: 2026-01-31.
        group_by (str | Unset): One or more of `day`, `model`, `template` and `route`, separated
            by commas. Each at most once. Example: day,model.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | UsageReport
    """

    return (
        await asyncio_detailed(
            client=client,
            from_=from_,
            to=to,
            group_by=group_by,
        )
    ).parsed
