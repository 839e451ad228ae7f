"""Pages of log events beyond the first 10,000. MiniStack stops there without a token.

Also retries DescribeLogGroups if a log stream starts during the call, which makes MiniStack fail.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import cloudwatch_logs

from .patch import replace

_PAGE = 10_000
# The time of the last returned event in ms, and the number of returned events of that time.
_TOKEN = re.compile(r"(\d{1,15})/(\d{1,15})")


def install() -> None:
    global _first_page, _describe
    _first_page = replace(cloudwatch_logs, "_filter_log_events", pages)
    _describe = replace(cloudwatch_logs, "_describe_log_groups", describe)


_first_page: Any = None
_describe: Any = None


def describe(request: dict[str, Any]) -> Any:
    """Calls MiniStack's DescribeLogGroups and retries it if a stream started during the call."""
    while True:
        try:
            return _describe(request)
        except RuntimeError as error:
            if "changed size during iteration" not in str(error):
                raise


def pages(request: dict[str, Any]) -> Any:
    """Calls MiniStack's FilterLogEvents and adds a token if there may be more events."""
    since, given = request.get("startTime"), 0
    if "nextToken" in request:
        token = _TOKEN.fullmatch(request["nextToken"])
        if token is None:
            return error_response_json("InvalidParameterException", "The specified nextToken is invalid.", 400)
        since, given = int(token[1]), int(token[2])
    if given >= _PAGE:
        raise NotImplementedError(f"more than {_PAGE} log events of one millisecond")
    wanted = min(request.get("limit", _PAGE), _PAGE)
    # The call returns the events of the token's millisecond again, so drop them.
    answer = _first_page({**request, "limit": min(given + wanted, _PAGE), "startTime": since})
    status, _headers, body = answer
    if status != 200:
        return answer
    found = json.loads(body)["events"]
    page = found[given:]
    more: dict[str, Any] = {}
    if len(page) >= wanted or len(found) >= _PAGE:
        last = page[-1]["timestamp"]
        more["nextToken"] = f"{last}/{sum(event['timestamp'] == last for event in found)}"
    return json_response({"events": page, "searchedLogStreams": [], **more})
