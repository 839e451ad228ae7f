"""The arrivals of documents. Seeded: a quiet phase and a storm have the same healthy arrivals."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """The load of the healthy tenants and of the storming tenants.

    A job mostly waits, so that the number of workers is the limit and not this machine's processors.
    """

    workers: int = 20
    # Seconds of a job and of a failing attempt; below the 8 s time-out of a call to AWS.
    service_seconds: float = 6.0
    failing_seconds: float = 7.0
    healthy: int = 5
    healthy_share: float = 0.45
    storm_factor: float = 10.0
    storming: int = 1
    # Uploads per second of each storming tenant, whose jobs succeed. 0: `storm_factor` times as many documents as a
    # healthy tenant, whose jobs fail.
    uploads: float = 0.0

    @property
    def fails(self) -> bool:
        """Whether the storm's jobs fail."""
        return self.uploads == 0

    @property
    def storm_seconds(self) -> float:
        """Seconds of one attempt of a storming tenant."""
        return self.failing_seconds if self.fails else self.service_seconds

    @property
    def healthy_rate(self) -> float:
        """Documents per second of one healthy tenant."""
        return self.workers / self.service_seconds * self.healthy_share / self.healthy

    @property
    def storm_rate(self) -> float:
        """Documents per second of one storming tenant."""
        return self.uploads or self.healthy_rate * self.storm_factor

    @property
    def demand(self) -> float:
        """The total load in a storm, as a multiple of the workers' throughput."""
        return self.healthy_share + self.storming * self.storm_rate * self.storm_seconds / self.workers


@dataclass(frozen=True, order=True)
class Arrival:
    """The upload of a document, in seconds after the start of its phase."""

    at: float
    tenant: int


# The number of the first storming tenant, further ones follow below it; healthy tenants count from 0.
STORM = -1


def arrivals(load: Load, seconds: float, seed: int, *, storm: bool) -> list[Arrival]:
    """Returns the arrivals of one phase. Each tenant has a separate generator, so a storm changes no healthy arrival."""
    found: list[Arrival] = []
    for tenant in range(load.healthy):
        found += _poisson(load.healthy_rate, seconds, f"{seed}/{tenant}", tenant)
    for tenant in range(STORM, STORM - load.storming, -1) if storm else ():
        found += _poisson(load.storm_rate, seconds, f"{seed}/storm{tenant}", tenant)
    return sorted(found)


def _poisson(rate: float, seconds: float, seed: str, tenant: int) -> list[Arrival]:
    generator = random.Random(seed)
    found, at = [], generator.expovariate(rate)
    while at < seconds:
        found.append(Arrival(at, tenant))
        at += generator.expovariate(rate)
    return found
