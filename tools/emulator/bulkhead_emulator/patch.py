"""How an extension replaces a part of MiniStack: by name, loudly, and only what is there."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any


class NothingToReplace(RuntimeError):
    """A name an extension replaces is not in this MiniStack."""


def replace(owner: ModuleType | type, name: str, new: Any) -> Any:
    """Replace ``owner.name`` and return what stood there."""
    if not hasattr(owner, name):
        raise NothingToReplace(
            f"{getattr(owner, '__name__', owner)} has no {name!r}: the extension and MiniStack do not fit; "
            "check the pinned version in tools/emulator/bulkhead_emulator/version.py"
        )
    old = getattr(owner, name)
    setattr(owner, name, new)
    return old


def replace_provisioner(resource_type: str, operation: str, wrap: Callable[[Callable], Callable]) -> None:
    """Wrap one CloudFormation operation (`create`, `update`, `delete`) of a resource type."""
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS.get(resource_type)
    if not handlers or operation not in handlers:
        raise NothingToReplace(f"CloudFormation has no {operation} for {resource_type}")
    handlers[operation] = wrap(handlers[operation])
