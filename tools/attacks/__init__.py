"""All attacks of a tenant's session on another tenant, store by store.

`tests/isolation` compares the list with the tenant role's policy: the build fails if the policy grants an
action that no attack tries. The demo shows a part of the list.
"""

from __future__ import annotations

from .api_keys import API_KEYS
from .elsewhere import ELSEWHERE
from .keys import KEYS
from .objects import OBJECTS
from .table import TABLE
from .target import DENIED, NotRefused, Operation, Target, Wrapped, refusal, refused, refused_by
from .vectors import VECTORS

OPERATIONS: tuple[Operation, ...] = TABLE + API_KEYS + OBJECTS + VECTORS + KEYS + ELSEWHERE


def operation(name: str) -> Operation:
    """Returns the operation with the name `store-Name`."""
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
    "refused",
    "refused_by",
]
