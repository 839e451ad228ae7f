"""Canary words of tenants, and the search for those of other tenants."""

from __future__ import annotations

import hashlib
import re

_CANARY = re.compile(r"canary[0-9a-f]{12}")


def canary(tenant: str) -> str:
    """Returns the tenant's canary word."""
    return "canary" + hashlib.sha256(tenant.encode()).hexdigest()[:12]


def foreign_canaries(text: str, tenant: str) -> set[str]:
    """Returns the canary words of other tenants in a text."""
    return set(_CANARY.findall(text)) - {canary(tenant)}
