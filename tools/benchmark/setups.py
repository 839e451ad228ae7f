"""The compared set-ups: each adds one protection of other tenants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# The defaults of the template: workers of the basic tier, and a tenant's quota of them.
WORKERS, QUOTA = 20, 8
_NO_QUOTA = {"BasicTenantJobs": "256"}
# 255 failures within 0 seconds: the circuit never opens.
_NO_CIRCUIT = {"CircuitFailures": "255", "CircuitWindow": "0"}


@dataclass(frozen=True)
class Setup:
    """One configuration of the pipeline."""

    key: str
    title: str
    fair_queues: bool
    parameters: Mapping[str, str]


SETUPS = (
    Setup("fifo", "one queue in order", False, _NO_QUOTA | _NO_CIRCUIT),
    Setup("fair", "fair queue", True, _NO_QUOTA | _NO_CIRCUIT),
    Setup("quota", f"fair queue, quota of {QUOTA} of {WORKERS} workers", True, _NO_CIRCUIT),
    Setup("circuit", "fair queue, quota, circuit", True, {}),
)
