"""Execution environments: one process serves one tenant for its whole life.

AWS (lambda/latest/dg/tenant-isolation): environments of a tenant-mode function are never shared between
tenants; at most 2,500 (busy or idle) exist per 1,000 concurrent executions of the function, beyond that
`TooManyRequestsException`; updating a function retires its environments, running invocations finish.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.core import lambda_runtime as runtime
from ministack.services import lambda_svc

from .. import invocations
from ..patch import replace
from .streaming import sink_of_invocation
from .tenancy import InvalidTenant, check, is_per_tenant, tenant_of_invocation

_PER_EXECUTION = 2.5
_ACCOUNT_EXECUTIONS = 1000
_IDLE_SECONDS = 300.0


def install() -> None:
    replace(lambda_svc, "acquire_worker", acquire)
    replace(lambda_svc, "release_worker", release)
    replace(lambda_svc, "invalidate_worker", retire_all)
    replace(lambda_svc, "reap_idle_workers", end_idle)
    replace(runtime, "acquire_worker", acquire)
    replace(runtime, "release_worker", release)
    replace(runtime, "invalidate_worker", retire_all)
    replace(runtime, "reap_idle_workers", end_idle)
    replace(lambda_svc, "_execute_function_provided_warm", execute)


def execute(function: dict, event: Any, request_id: str) -> dict:
    """Invokes a custom-runtime function in an environment of the tenant."""
    config = function.get("config") or function
    tenant = tenant_of_invocation() if is_per_tenant(config) else None
    try:
        check(config, tenant)
    except InvalidTenant as error:
        return _failed("InvalidParameterValueException", str(error))
    if not function.get("code_zip"):
        return _failed("Runtime.InvalidEntrypoint", "The function has no code; deploy it again")
    lambda_svc._ensure_reaper_thread()
    name = config.get("FunctionName", "")
    limit = _environment_limit(function, config) if tenant is not None else None
    worker, found = acquire(
        name, config, function["code_zip"], qualifier=config.get("Version", "$LATEST"), tenant=tenant, limit=limit
    )
    if worker is None:
        return lambda_svc._throttle_response(reason_code="ConcurrentInvocationLimitExceeded", msg="Rate exceeded")
    worker.sink = sink_of_invocation()
    try:
        with invocations.noted(name, tenant, event, new=found == "spawn"):
            answer = worker.invoke(
                event,
                request_id,
                trace_id=lambda_svc._xray_trace_id_for_invocation(config),
                invoked_function_arn=config.get("FunctionArn", ""),
            )
    except Exception as error:  # noqa: BLE001 - an environment that cannot start is the function's failure
        lambda_svc.logger.warning("Lambda %s: environment failed: %s", name, error)
        worker.retired = True
        return _failed(getattr(error, "error_type", "") or "Runtime.ExitError", str(error))
    finally:
        worker.sink = None
        release(worker)
    return _result(answer)


def _result(answer: dict) -> dict:
    log = answer.get("log", "")
    if answer.get("status") == "ok":
        return {"body": answer.get("result"), "log": log}
    payload = answer.get("error_payload")
    if not isinstance(payload, dict):
        payload = {"errorMessage": answer.get("error", "Unknown error"), "errorType": "Runtime.HandlerError"}
    return {"body": payload, "error": True, "function_error": "Unhandled", "log": log}


def _failed(kind: str, message: str) -> dict:
    payload = {"errorMessage": message, "errorType": kind}
    return {"body": payload, "error": True, "function_error": "Unhandled", "log": ""}


def _environment_limit(function: dict, config: dict) -> int:
    reserved = lambda_svc._reserved_concurrency(function, config)
    return int(_PER_EXECUTION * (_ACCOUNT_EXECUTIONS if reserved is None else reserved))


def acquire(
    name: str,
    config: dict,
    code: bytes,
    qualifier: str = "$LATEST",
    max_concurrency: int | None = None,
    *,
    tenant: str | None = None,
    limit: int | None = None,
) -> tuple[Any, str]:
    """Returns an idle or new environment of the tenant, or None if the function is at its limit."""
    key = runtime._worker_key(name, config, qualifier)
    with runtime._lock:
        pool = runtime._workers.setdefault(key, [])
        worker = next((w for w in pool if not w.in_use and getattr(w, "tenant", None) == tenant), None)
        outcome = "reused"
        if worker is None:
            if limit is not None and _tenant_environments(key) >= limit:
                return None, "func_cap"
            worker, outcome = runtime._worker_class_for(config)(name, config, code), "spawn"
            worker.tenant, worker.retired = tenant, False
            pool.append(worker)
        worker.in_use, worker.last_used = True, time.time()
        return worker, outcome


def _tenant_environments(key: str) -> int:
    function = key.rpartition(":")[0] + ":"
    return sum(
        1
        for other, pool in runtime._workers.items()
        if other.startswith(function)
        for worker in pool
        if getattr(worker, "tenant", None) is not None
    )


def release(worker: Any) -> None:
    """Returns an environment to the pool, or stops it if it is retired."""
    if worker is None:
        return
    with runtime._lock:
        worker.in_use = False
        ended = getattr(worker, "retired", False)
        if ended:
            for pool in runtime._workers.values():
                if worker in pool:
                    pool.remove(worker)
    if ended:
        runtime.kill_workers([worker])


def retire_all(name: str, qualifier: str | None = None, account: str | None = None, region: str | None = None) -> None:
    """Retires the function's environments; running invocations finish first."""
    wanted = (account, region, name, qualifier)
    idle = []
    with runtime._lock:
        for key in list(runtime._workers):
            if any(want is not None and want != part for want, part in zip(wanted, key.split(":", 3), strict=True)):
                continue
            for worker in runtime._workers.pop(key):
                worker.retired = True
                if not worker.in_use:
                    idle.append(worker)
    runtime.kill_workers(idle)


def end_idle(ttl: float | None = None) -> int:
    """Stops idle environments, including the last one of a function."""
    before = time.time() - (_IDLE_SECONDS if ttl is None else ttl)
    ended = []
    with runtime._lock:
        for key, pool in list(runtime._workers.items()):
            ended += [worker for worker in pool if not worker.in_use and worker.last_used < before]
            runtime._workers[key] = [worker for worker in pool if worker not in ended]
    runtime.kill_workers(ended)
    return len(ended)
