"""The tenant of an invocation.

AWS (lambda/latest/dg/tenant-isolation-invoke, botocore `TenantId`): a function with `TenancyConfig`
PER_TENANT must be invoked with `X-Amz-Tenant-Id`, any other function must not; 1 to 256 characters of a fixed
alphabet; otherwise InvalidParameterValueException.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

HEADER = "x-amz-tenant-id"
RUNTIME_HEADER = "Lambda-Runtime-Aws-Tenant-Id"

_ALPHABET = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")
_current: ContextVar[str | None] = ContextVar("tenant_of_invocation", default=None)


class InvalidTenant(Exception):
    """InvalidParameterValueException with AWS's text."""


def is_per_tenant(config: dict) -> bool:
    return (config.get("TenancyConfig") or {}).get("TenantIsolationMode") == "PER_TENANT"


def check(config: dict, tenant: str | None) -> None:
    """Raises if the function must not be invoked with ``tenant``."""
    if is_per_tenant(config):
        if not tenant:
            raise InvalidTenant(
                "The invoked function is enabled with tenancy configuration. "
                "Add a valid tenant ID in your request and try again."
            )
        if not _ALPHABET.fullmatch(tenant):
            raise InvalidTenant(
                f"1 validation error detected: Value '{tenant[:300]}' at 'tenantId' failed to satisfy "
                r"constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9\._:\/=+\-@ ]+ "
                "and have length between 1 and 256"
            )
    elif tenant is not None:
        raise InvalidTenant(
            "The invoked function is not enabled with tenancy configuration. "
            "Remove the tenant ID from your request and try again."
        )


@contextmanager
def invoking_for(tenant: str | None) -> Iterator[Any]:
    """Sets the tenant of invocations that start inside the context."""
    token = _current.set(tenant)
    try:
        yield
    finally:
        _current.reset(token)


def tenant_of_invocation() -> str | None:
    return _current.get()
