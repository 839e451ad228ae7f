"""Replaces parts of MiniStack by name. Fails if the name does not exist."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any


class NothingToReplace(RuntimeError):
    """MiniStack has no such name."""


def replace(owner: ModuleType | type, name: str, new: Any) -> Any:
    """Replaces ``owner.name`` and returns the original."""
    if not hasattr(owner, name):
        raise NothingToReplace(
            f"{getattr(owner, '__name__', owner)} has no {name!r}: the extension and MiniStack do not fit; "
            "check the pinned version in tools/emulator/bulkhead_emulator/version.py"
        )
    old = getattr(owner, name)
    setattr(owner, name, new)
    return old


def replace_provisioner(resource_type: str, operation: str, wrap: Callable[[Callable], Callable]) -> None:
    """Wraps one CloudFormation operation (`create`, `update`, `delete`) of a resource type."""
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS.get(resource_type)
    if not handlers or operation not in handlers:
        raise NothingToReplace(f"CloudFormation has no {operation} for {resource_type}")
    handlers[operation] = wrap(handlers[operation])
