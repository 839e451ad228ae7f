"""Checks at deployment: a role that Lambda can assume, and the unreserved concurrency.

AWS (configuration-concurrency, CreateFunction): an account has 1,000 concurrent executions by default, a new
account fewer. 100 of them always stay unreserved; with fewer than 100, all of them. A function's role must let
`lambda.amazonaws.com` assume it.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json
from ministack.services import iam, lambda_svc

from ..patch import replace

DEFAULT_CONCURRENCY = 1000
_UNRESERVED = 100
_limit = DEFAULT_CONCURRENCY


class Refused(Exception):
    """InvalidParameterValueException."""


def install() -> None:
    global _create, _update, _reserve, _settings
    _create = replace(lambda_svc, "_create_function", create_function)
    _update = replace(lambda_svc, "_update_config", update_config)
    _reserve = replace(lambda_svc, "_put_function_concurrency", put_concurrency)
    _settings = replace(lambda_svc, "_get_account_settings", account_settings)


_create: Any = None
_update: Any = None
_reserve: Any = None
_settings: Any = None


def limit(concurrency: int) -> None:
    """Sets the concurrent executions of the account."""
    global _limit
    _limit = concurrency


def account_settings() -> tuple:
    status, headers, body = _settings()
    answer = json.loads(body)
    reserved = sum(int(function.get("concurrency") or 0) for function in lambda_svc._functions.values())
    answer["AccountLimit"] |= {
        "ConcurrentExecutions": _limit,
        "UnreservedConcurrentExecutions": _limit - reserved,
    }
    return status, headers, json.dumps(answer).encode()


def create_function(request: dict) -> tuple:
    return _refusing(lambda: check_role(request.get("Role", "")), lambda: _create(request))


def update_config(name: str, request: dict) -> tuple:
    role = request.get("Role")
    return _refusing(lambda: check_role(role) if role else None, lambda: _update(name, request))


def put_concurrency(name: str, request: dict) -> tuple:
    wanted = request.get("ReservedConcurrentExecutions", 0)
    return _refusing(lambda: check_reservation(name, wanted), lambda: _reserve(name, request))


def _refusing(check: Any, proceed: Any) -> tuple:
    try:
        check()
    except Refused as refused:
        return error_response_json("InvalidParameterValueException", str(refused), 400)
    return proceed()


def check_role(arn: str) -> None:
    """Raises if Lambda may not assume the role. MiniStack refuses a missing role."""
    role = iam._roles.get(arn.rpartition("/")[2])
    if role is None:
        return
    if not trusts(role, "lambda.amazonaws.com"):
        raise Refused("The role defined for the function cannot be assumed by Lambda.")


def trusts(role: dict, service: str) -> bool:
    """Reports whether a role lets a service assume it."""
    document = role.get("AssumeRolePolicyDocument") or {}
    document = json.loads(document) if isinstance(document, str) else document
    statements = document.get("Statement") or []
    for statement in [statements] if isinstance(statements, dict) else statements:
        actions = statement.get("Action") or []
        if (
            statement.get("Effect") == "Allow"
            and iam_evaluator._action_matches("sts:AssumeRole", [actions] if isinstance(actions, str) else actions, [])
            and iam_evaluator._service_principal_matches(statement.get("Principal"), service)
        ):
            return True
    return False


def check_reservation(name: str, wanted: Any) -> None:
    others = sum(
        int(function.get("concurrency") or 0) for other, function in lambda_svc._functions.items() if other != name
    )
    floor = min(_UNRESERVED, _limit)
    if others + int(wanted) > _limit - floor:
        raise Refused(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{floor}]."
        )
