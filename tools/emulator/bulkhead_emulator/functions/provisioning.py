"""Function properties of CloudFormation that MiniStack ignores: tenancy, reserved concurrency, dead letters.

`TenancyConfig` is create-only, so a change replaces the function; the others are updated in place. A value that the
Lambda API refuses fails the stack.
"""

from __future__ import annotations

from typing import Any

from ministack.services import lambda_svc

from ..patch import replace_provisioner
from .quotas import check_reservation, check_role

_TYPE = "AWS::Lambda::Function"


def install() -> None:
    replace_provisioner(_TYPE, "create", _after_create)
    replace_provisioner(_TYPE, "update", _after_update)


def _after_create(create: Any) -> Any:
    def create_function(logical_id: str, props: dict, stack: str) -> tuple:
        check_role(props.get("Role", ""))
        made = create(logical_id, props, stack)
        _apply(made[0], props)
        return made

    return create_function


def _after_update(update: Any) -> Any:
    def update_function(physical_id: str, old: dict, new: dict, *more: Any) -> tuple:
        made = update(physical_id, old, new, *more)
        _apply(made[0], new)
        return made

    return update_function


def _apply(name: str, props: dict) -> None:
    function = lambda_svc._functions[name]
    for prop in ("TenancyConfig", "DeadLetterConfig"):
        if props.get(prop):
            function["config"][prop] = props[prop]
        else:
            function["config"].pop(prop, None)
    reserved = props.get("ReservedConcurrentExecutions")
    check_reservation(name, reserved or 0)
    function["concurrency"] = None if reserved is None else int(reserved)
