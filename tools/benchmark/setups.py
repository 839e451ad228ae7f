"""The compared set-ups: each adds one protection of other tenants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .load import Load

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
    load: Load


_FAILING = Load(workers=WORKERS)
# Two tenants upload much more than their workers process. A faster storm would measure this machine.
_UPLOADS = Load(workers=WORKERS, storming=2, uploads=5.0)

SETUPS = (
    Setup("fifo", "one queue in order", False, _NO_QUOTA | _NO_CIRCUIT, _FAILING),
    Setup("fair", "fair queue", True, _NO_QUOTA | _NO_CIRCUIT, _FAILING),
    Setup("quota", f"fair queue, quota of {QUOTA} of {WORKERS} workers", True, _NO_CIRCUIT, _FAILING),
    Setup("circuit", "fair queue, quota, circuit", True, {}, _FAILING),
    Setup("uploads", "two tenants upload: fair queue, quota, circuit", True, {}, _UPLOADS),
)
