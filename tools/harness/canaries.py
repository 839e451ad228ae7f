"""Words that only one tenant has, and the search for those of others."""

from __future__ import annotations

import hashlib
import re

_CANARY = re.compile(r"canary[0-9a-f]{12}")


def canary(tenant: str) -> str:
    """The tenant's word."""
    return "canary" + hashlib.sha256(tenant.encode()).hexdigest()[:12]


def strangers(text: str, tenant: str) -> set[str]:
    """Other tenants' words in something that is `tenant`'s."""
    return set(_CANARY.findall(text)) - {canary(tenant)}
