"""A stack whose creation was rolled back can only be deleted.

AWS (view-stack-events, CreateChangeSet, CreateStack): neither an update nor another creation is accepted in
ROLLBACK_COMPLETE and ROLLBACK_FAILED. MiniStack accepts change sets and creations in ROLLBACK_COMPLETE.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import handlers
from ministack.services.cloudformation.helpers import _error, _p

_ONLY_DELETED = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}


def install() -> None:
    for action, wrap in (("CreateStack", _creating), ("CreateChangeSet", _preparing)):
        handlers._ACTION_HANDLERS[action] = wrap(handlers._ACTION_HANDLERS[action])


def _creating(create: Any) -> Any:
    def create_stack(request: dict) -> tuple:
        name = _p(request, "StackName")
        if _rolled_back(name):
            return _error("AlreadyExistsException", f"Stack [{name}] already exists")
        return create(request)

    return create_stack


def _preparing(prepare: Any) -> Any:
    def create_change_set(request: dict) -> tuple:
        name = _p(request, "StackName")
        stack = _rolled_back(name)
        if not stack:
            return prepare(request)
        if _p(request, "ChangeSetType", "UPDATE") == "CREATE":
            change_set = _p(request, "ChangeSetName")
            message = f"Stack [{name}] already exists and cannot be created again with the changeSet [{change_set}]."
        else:
            message = f"Stack:{stack['StackId']} is in {stack['StackStatus']} state and can not be updated."
        return _error("ValidationError", message)

    return create_change_set


def _rolled_back(name: str) -> dict | None:
    stack = handlers._resolve_stack(name) if name else None
    return stack if stack and stack.get("StackStatus") in _ONLY_DELETED else None
