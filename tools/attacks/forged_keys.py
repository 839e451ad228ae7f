"""API keys that a caller can build without the service: the form and the checksum are public."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta


def with_checksum(body: str) -> str:
    """Returns a key with the checksum of its other characters."""
    return body + hashlib.sha256(body.encode()).hexdigest()[:8]


def rekeyed(
    key: str,
    *,
    stage: str | None = None,
    tenant: str | None = None,
    identity: str | None = None,
    secret: str | None = None,
) -> str:
    """Returns a key with other parts and a correct checksum."""
    prefix, own_stage, own_tenant, own_id, last = key.split("_")
    parts = (prefix, stage or own_stage, tenant or own_tenant, identity or own_id, secret or last[:64])
    return with_checksum("_".join(parts))


def digest(key: str) -> bytes:
    """Returns what the service stores of a key."""
    return hashlib.sha256(b"bulkhead api key 1\0" + key.encode()).digest()


def in_seconds(seconds: float) -> str:
    """Returns a time from now as the API takes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
