"""Pages of log events."""

from __future__ import annotations

import time
from itertools import chain
from typing import Any

import pytest

from bulkhead_emulator.tests.support.cloud import Cloud, error, unique

_FULL = 10_000


def logged(cloud: Cloud, *, streams: int, each: int, apart: int) -> tuple[str, list[str]]:
    """Creates a log group with events `apart` ms apart and returns their messages in order."""
    logs, group, now = cloud.client("logs"), unique("/aws/lambda/group"), int(time.time() * 1000) - 600_000
    logs.create_log_group(logGroupName=group)
    lines: list[str] = []
    for stream in range(streams):
        name = f"stream-{stream}"
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        events: list[dict[str, Any]] = [
            {"timestamp": now + (number * streams + stream) * apart, "message": f"{number * streams + stream:06}x"}
            for number in range(each)
        ]
        for first in range(0, each, _FULL):
            logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=events[first : first + _FULL])
        lines += [event["message"] for event in events]
    return group, sorted(lines)


def found(cloud: Cloud, group: str, **more: Any) -> list[list[str]]:
    pages = cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group, **more)
    return [[event["message"] for event in page["events"]] for page in pages]


@pytest.mark.extension
def test_finds_more_events_than_a_page_holds(cloud: Cloud) -> None:
    group, lines = logged(cloud, streams=3, each=7_001, apart=1)
    pages = found(cloud, group)
    assert list(chain(*pages)) == lines
    assert [len(page) for page in pages[:2]] == [_FULL, _FULL - 1], "one page is full, the next drops what it has given"


@pytest.mark.extension
@pytest.mark.parametrize("limit", [1, 4, 5])
def test_events_of_one_millisecond_span_pages(cloud: Cloud, limit: int) -> None:
    group, lines = logged(cloud, streams=2, each=5, apart=0)
    pages = found(cloud, group, limit=limit)
    assert sorted(chain(*pages)) == lines
    assert max(map(len, pages)) == limit


@pytest.mark.extension
def test_limit_counts_matching_events(cloud: Cloud) -> None:
    group, lines = logged(cloud, streams=2, each=10, apart=1)
    assert list(chain(*found(cloud, group, filterPattern='"1x"', limit=1))) == [line for line in lines if "1x" in line]


@pytest.mark.extension
def test_next_page_contains_events_logged_meanwhile(cloud: Cloud) -> None:
    group, _lines = logged(cloud, streams=1, each=4, apart=1)
    logs = cloud.client("logs")
    first = logs.filter_log_events(logGroupName=group, limit=4)
    logs.put_log_events(
        logGroupName=group,
        logStreamName="stream-0",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": "later"}],
    )
    second = logs.filter_log_events(logGroupName=group, limit=4, nextToken=first["nextToken"])
    assert [event["message"] for event in second["events"]] == ["later"]
    assert "nextToken" not in second


@pytest.mark.extension
@pytest.mark.parametrize("token", ["x", "1", "1/x", "-1/2"])
def test_refuses_an_unknown_token(cloud: Cloud, token: Any) -> None:
    group, _ = logged(cloud, streams=1, each=1, apart=1)
    code, status, _ = error(cloud.client("logs").filter_log_events, logGroupName=group, nextToken=token)
    assert (code, status) == ("InvalidParameterException", 400)
