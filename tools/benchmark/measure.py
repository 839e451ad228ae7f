"""Observations of a run and the figures computed from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .load import STORM


@dataclass(frozen=True)
class Job:
    """A document: when its content was stored, when its last worker started, and when it became ready."""

    tenant: int
    document: str
    stored: float
    started: float | None
    ready: float | None

    @property
    def wait(self) -> float | None:
        """Seconds from stored to ready."""
        return None if self.ready is None else self.ready - self.stored

    @property
    def queued(self) -> float | None:
        """Seconds from stored to the start of the worker."""
        return None if self.started is None else self.started - self.stored


@dataclass(frozen=True)
class Work:
    """One invocation of a function: of a worker with tenant and document, of `dispatch` with the tenants of its batch."""

    function: str
    started: float
    ended: float
    tenant: int | None = None
    document: str | None = None
    batch: tuple[int, ...] = ()

    def within(self, start: float, end: float) -> float:
        """Returns the seconds of the invocation inside a time span."""
        return max(0.0, min(self.ended, end) - max(self.started, start))


@dataclass(frozen=True)
class Left:
    """The storming tenants' jobs when the last one is uploaded."""

    queued: int
    waiting: int
    dead: int


@dataclass(frozen=True)
class Phase:
    """A quiet phase or a storm, from the first upload to the last."""

    storm: bool
    start: float
    end: float
    jobs: list[Job]
    work: list[Work]
    left: Left

    @property
    def healthy(self) -> list[Job]:
        return [job for job in self.jobs if job.tenant > STORM]


def percentile(values: Iterable[float], share: float) -> float:
    """Returns the smallest value that at least `share` of the values do not exceed; 0 without values."""
    found = sorted(values)
    if not found:
        return 0.0
    return found[min(len(found) - 1, max(0, -(-round(share * len(found) * 1000) // 1000) - 1))]


@dataclass(frozen=True)
class Waits:
    """Healthy tenants' waits of one kind in seconds, in quiet phases and in storms."""

    quiet_p50: float
    storm_p50: float
    quiet_p99: float
    storm_p99: float

    @classmethod
    def of(cls, quiet: list[float], storm: list[float]) -> Waits:
        return cls(percentile(quiet, 0.5), percentile(storm, 0.5), percentile(quiet, 0.99), percentile(storm, 0.99))

    @property
    def p50(self) -> float:
        return _ratio(self.storm_p50, self.quiet_p50)

    @property
    def p99(self) -> float:
        return _ratio(self.storm_p99, self.quiet_p99)


def _ratio(storm: float, quiet: float) -> float:
    return storm / quiet if quiet > 0 else float("inf")


@dataclass(frozen=True)
class Result:
    """The figures of one set-up."""

    healthy_jobs: int
    unfinished: int
    wait: Waits
    queued: Waits
    # How much later the p99 job's worker starts in the storm, as a multiple of a job's duration.
    later: float
    # Attempts of the storming tenants, and their share of the workers' busy time: over the whole storm,
    # and over its second half, when the circuit had time to open.
    attempts: int
    wasted: float
    wasted_late: float
    storm_jobs: int
    left: Left
    # p99 wait of each phase in order; shows whether the machine drifts.
    phases: list[float]

    def to_json(self) -> dict[str, Any]:
        ratios = {
            "wait": {"p50": self.wait.p50, "p99": self.wait.p99},
            "queued": {"p50": self.queued.p50, "p99": self.queued.p99},
        }
        return {**asdict(self), "ratios": ratios}


# Shorter invocations only set their job to waiting.
_MIN_ATTEMPT = 0.5


def result(phases: list[Phase], service_seconds: float, storm_seconds: float) -> Result:
    """Computes the figures of a set-up."""

    def waits(storm: bool, what: str) -> list[float]:
        jobs = (job for phase in phases if phase.storm is storm for job in phase.healthy)
        return [value for job in jobs if (value := getattr(job, what)) is not None]

    def storming(each: Work) -> bool:
        return (
            each.tenant is not None
            and each.tenant <= STORM
            and each.ended - each.started >= _MIN_ATTEMPT * storm_seconds
        )

    def wasted(part: float) -> float:
        """Returns the share of the storm's attempts in the workers' busy time in the last `part` of each storm."""
        spans = [(phase, phase.end - part * (phase.end - phase.start), phase.end) for phase in storms]
        spent = [(storming(each), each.within(start, end)) for phase, start, end in spans for each in _workers(phase)]
        busy = sum(seconds for _, seconds in spent)
        return sum(seconds for stormed, seconds in spent if stormed) / busy if busy else 0.0

    storms = [phase for phase in phases if phase.storm]
    left = [phase.left for phase in storms]
    queued = Waits.of(waits(False, "queued"), waits(True, "queued"))
    return Result(
        healthy_jobs=sum(len(phase.healthy) for phase in phases),
        unfinished=sum(job.ready is None for phase in phases for job in phase.healthy),
        wait=Waits.of(waits(False, "wait"), waits(True, "wait")),
        queued=queued,
        later=(queued.storm_p99 - queued.quiet_p99) / service_seconds,
        attempts=sum(storming(each) for phase in storms for each in _workers(phase)),
        wasted=wasted(1.0),
        wasted_late=wasted(0.5),
        storm_jobs=sum(job.tenant <= STORM for phase in storms for job in phase.jobs),
        left=Left(*(sum(getattr(each, name) for each in left) for name in ("queued", "waiting", "dead"))),
        phases=[percentile((job.wait for job in phase.healthy if job.wait is not None), 0.99) for phase in phases],
    )


def _workers(phase: Phase) -> list[Work]:
    return [each for each in phase.work if each.function == "ingestion"]
