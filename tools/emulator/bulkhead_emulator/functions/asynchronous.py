"""Asynchronous invocations: retries as on AWS, separately for throttles and errors.

AWS (lambda/latest/dg/invocation-async-error-handling): an error of the function is retried twice (a
minute, then two minutes later); a throttled event goes back to the queue and is tried again for up to
six hours, at intervals from one second to five minutes. Here errors are retried after seconds, not minutes.
EventBridge and S3 invoke functions this way.
"""

from __future__ import annotations

import contextvars
import threading
import time
from typing import Any

from ministack.core.responses import _request_account_id, _request_region
from ministack.services import lambda_svc

from ..patch import replace

_ERROR_DELAYS = (1.0, 2.0)
_THROTTLE_FIRST, _THROTTLE_MOST = 1.0, 30.0
_MAXIMUM_AGE = 6 * 3600


def install() -> None:
    replace(lambda_svc, "invoke_async_with_retry", invoke)


def invoke(function: dict, event: Any) -> None:
    """Queues one event. Never blocks and never raises."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_deliver, function, event), daemon=True).start()


def _deliver(function: dict, event: Any) -> None:
    config = function.get("config") or function
    account, region = lambda_svc._account_region_from_function_config(config)
    _request_account_id.set(account)
    _request_region.set(region)
    settings = function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST") or {}
    retries = settings.get("MaximumRetryAttempts")
    delays = list(_ERROR_DELAYS[: 2 if retries is None else int(retries)])
    until = time.monotonic() + int(settings.get("MaximumEventAgeInSeconds") or _MAXIMUM_AGE)
    wait = _THROTTLE_FIRST
    while (current := _current(function)) is not None:
        result = lambda_svc._execute_function(current, event)
        if not result.get("error"):
            return
        if result.get("throttle"):
            delay, wait = wait, min(wait * 2, _THROTTLE_MOST)
        elif delays:
            delay = delays.pop(0)
        else:
            break
        if time.monotonic() + delay > until:
            break
        time.sleep(delay)
    else:
        return
    destination = ((settings.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination") or (
        config.get("DeadLetterConfig") or {}
    ).get("TargetArn")
    if destination:
        lambda_svc._route_async_failure(destination, config.get("FunctionName", ""), event, result)


def _current(function: dict) -> dict | None:
    """Returns the function's current configuration, which a retry uses, or None if it was deleted."""
    config = function.get("config") or function
    live = lambda_svc._functions.get(config.get("FunctionName", ""))
    if live is None:
        return None
    if config.get("Version", "$LATEST") != "$LATEST":
        return {**function, "concurrency": live.get("concurrency")}
    return {**live, "config": {**live["config"], "FunctionArn": config.get("FunctionArn", "")}}
