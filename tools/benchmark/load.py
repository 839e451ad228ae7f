"""Who hands in a document when: seeded, so that a quiet phase and a storm see the same neighbours."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """Healthy tenants that use a part of the workers, and one whose storm is ten times one of them.

    A job is made of waiting, so that the workers' number is what limits, not this machine's processors.
    """

    workers: int = 20
    # Of a job, and of an attempt that fails. Less than the 8 s after which a call to AWS is given up.
    service_seconds: float = 6.0
    failing_seconds: float = 7.0
    healthy: int = 5
    healthy_share: float = 0.45
    storm_factor: float = 10.0

    @property
    def healthy_rate(self) -> float:
        """Documents per second of one healthy tenant."""
        return self.workers / self.service_seconds * self.healthy_share / self.healthy

    @property
    def storm_rate(self) -> float:
        """Documents per second of the storming tenant."""
        return self.healthy_rate * self.storm_factor

    @property
    def demand(self) -> float:
        """What all ask for in a storm, as a multiple of what the workers can do."""
        return self.healthy_share + self.storm_rate * self.failing_seconds / self.workers


@dataclass(frozen=True, order=True)
class Arrival:
    """A document that is handed in so many seconds after the beginning of its phase."""

    at: float
    tenant: int


# The storming tenant, beside the healthy ones' numbers from 0.
STORM = -1


def arrivals(load: Load, seconds: float, seed: int, *, storm: bool) -> list[Arrival]:
    """One phase. Each tenant has a generator of its own: a storm moves nobody else's arrivals."""
    found: list[Arrival] = []
    for tenant in range(load.healthy):
        found += _poisson(load.healthy_rate, seconds, f"{seed}/{tenant}", tenant)
    if storm:
        found += _poisson(load.storm_rate, seconds, f"{seed}/storm", STORM)
    return sorted(found)


def _poisson(rate: float, seconds: float, seed: str, tenant: int) -> list[Arrival]:
    generator = random.Random(seed)
    found, at = [], generator.expovariate(rate)
    while at < seconds:
        found.append(Arrival(at, tenant))
        at += generator.expovariate(rate)
    return found
