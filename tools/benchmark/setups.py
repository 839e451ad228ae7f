"""What is compared: the same pipeline with ever more of what keeps tenants apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Workers of the basic tier, and how many a tenant may occupy, as the template has them by default.
WORKERS, CAP = 20, 8
_NO_CAP = {"BasicTenantJobs": "256"}
# So many failures in no time at all: it never opens.
_NO_CIRCUIT = {"CircuitFailures": "255", "CircuitWindow": "0"}


@dataclass(frozen=True)
class Setup:
    """One way to run the pipeline."""

    key: str
    title: str
    fair_queues: bool
    parameters: Mapping[str, str]


SETUPS = (
    Setup("fifo", "one queue in order", False, _NO_CAP | _NO_CIRCUIT),
    Setup("fair", "fair queue", True, _NO_CAP | _NO_CIRCUIT),
    Setup("cap", f"fair queue, cap of {CAP} of {WORKERS} workers", True, _NO_CIRCUIT),
    Setup("circuit", "fair queue, cap, circuit", True, {}),
)
