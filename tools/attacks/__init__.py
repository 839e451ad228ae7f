"""Every call a tenant's session can be made to try against another tenant, store by store.

`tests/isolation` compares this list with what the tenant role's policy allows: an action that is
granted and not attacked here fails the build. The demo shows a part of it.
"""

from __future__ import annotations

from .elsewhere import ELSEWHERE
from .keys import KEYS
from .objects import OBJECTS
from .table import TABLE
from .target import DENIED, NotRefused, Operation, Target, Wrapped, refusal
from .vectors import VECTORS

OPERATIONS: tuple[Operation, ...] = TABLE + OBJECTS + VECTORS + KEYS + ELSEWHERE


def operation(name: str) -> Operation:
    """The operation called `store-Name`."""
    return next(each for each in OPERATIONS if str(each) == name)


__all__ = [
    "DENIED",
    "OPERATIONS",
    "NotRefused",
    "Operation",
    "Target",
    "Wrapped",
    "operation",
    "refusal",
]
