"""The plan of a run, a pure function of the seed.

The plan is the same on every machine. The speed of the processes is not, so two runs of one seed hit
different moments of different jobs.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from tools.faultproxy.effects import Delay, DropAfter, DropBefore, Duplicate, Effect, Fail, kind

HEALTHY = 5
# The storming tenant is the one after the healthy ones.
STORM = HEALTHY
STORM_TIMES = 10
FUNCTIONS = ("intake", "dispatch", "ingestion", "scheduler")
# Jobs uploaded per second unless a duration is given: about what one local AWS can process.
PACE = 6.0
_SYLLABLES = (
    "bar",
    "dul",
    "fen",
    "gim",
    "hov",
    "jas",
    "kel",
    "lor",
    "mip",
    "nud",
    "quo",
    "ris",
    "tav",
    "wex",
    "yon",
    "zul",
)

# Errors of each service under load or in an outage. They do not count as failures of the tenant.
_THROTTLED = {
    "dynamodb": ("ThrottlingException", "InternalServerError"),
    "s3": ("SlowDown", "InternalError"),
    "kms": ("ThrottlingException", "KMSInternalException"),
    "sts": ("Throttling", "ServiceUnavailable"),
    "sqs": ("RequestThrottled", "InternalFailure"),
    "lambda": ("TooManyRequestsException", "ServiceException"),
    "bedrock-runtime": ("ThrottlingException", "ServiceUnavailableException"),
    "s3vectors": ("TooManyRequestsException", "ServiceUnavailableException"),
}
# Calls whose answer is lost: each of them changes state.
_WRITES = (
    ("dynamodb", "PutItem"),
    ("dynamodb", "UpdateItem"),
    ("dynamodb", "DeleteItem"),
    ("dynamodb", "TransactWriteItems"),
    ("s3vectors", "PutVectors"),
    ("sqs", "SendMessage"),
    ("lambda", "Invoke"),
    ("s3", "PutObject"),
)
# Calls that are delayed, so that another process acts in between.
_DELAYED = (
    ("dynamodb", "PutItem"),
    ("dynamodb", "TransactWriteItems"),
    ("dynamodb", "Query"),
    ("dynamodb", None),
    ("sqs", "SendMessage"),
    ("s3vectors", None),
    ("lambda", "Invoke"),
    ("kms", None),
    ("bedrock-runtime", None),
)


@dataclass(frozen=True)
class Shape:
    """A kind of document."""

    name: str
    # Expected passages in the index; 0 if the document cannot be read.
    passages: int


SHORT, LONG, BROKEN = Shape("short", 1), Shape("long", 3), Shape("broken", 0)
SHAPES = {each.name: each for each in (SHORT, LONG, BROKEN)}


@dataclass(frozen=True)
class Submission:
    """One document that a tenant uploads."""

    at: float
    tenant: int
    number: int
    shape: Shape
    # By presigned upload; otherwise inline.
    upload: bool


@dataclass(frozen=True)
class FaultWindow:
    """A fault rule that applies for a limited time."""

    at: float
    seconds: float
    effect: Effect
    service: str
    action: str | None
    probability: float
    seed: int

    @property
    def name(self) -> str:
        what = f"{self.service}.{self.action}" if self.action else self.service
        how = self.effect.code if isinstance(self.effect, Fail) else kind(self.effect)
        return f"{how} {what}"


@dataclass(frozen=True)
class Kill:
    """The kill of one process of a function; `draw` selects the process."""

    at: float
    function: str
    draw: float


@dataclass(frozen=True)
class Repeat:
    """A repeated delivery: a job's message, or the event of an upload."""

    at: float
    event: bool
    tenant: int
    draw: float


@dataclass(frozen=True)
class KeyOutage:
    """The storming tenant disables its key for a limited time."""

    at: float
    seconds: float


@dataclass(frozen=True)
class Storm:
    """Every model call of the storming tenant is delayed and then fails permanently."""

    at: float
    milliseconds: int
    # Whether the cause ends with the plan.
    repaired: bool


@dataclass(frozen=True)
class Plan:
    """Everything that happens in a run; times are in seconds after the start."""

    seed: int
    jobs: int
    # The option; seed, jobs and minutes determine the plan.
    minutes: float | None
    seconds: float
    words: tuple[str, ...]
    submissions: tuple[Submission, ...]
    storm: Storm
    fault_windows: tuple[FaultWindow, ...]
    kills: tuple[Kill, ...]
    repeats: tuple[Repeat, ...]
    key_outages: tuple[KeyOutage, ...]

    @property
    def options(self) -> str:
        """The command line options of this plan."""
        within = f" --minutes {self.minutes!r}" if self.minutes else ""
        return f"--seed {self.seed} --jobs {self.jobs}{within}"

    def of(self, tenant: int) -> tuple[Submission, ...]:
        return tuple(each for each in self.submissions if each.tenant == tenant)


def make(seed: int, jobs: int, minutes: float | None = None) -> Plan:
    """Returns the plan of a run that uploads `jobs` documents within `minutes`."""
    seconds = minutes * 60 if minutes else max(20.0, jobs / PACE)
    # One generator per part, so that a change of one part does not change the others.
    draw = {
        part: random.Random(f"{seed} {part}") for part in ("words", "load", "storm", "aws", "kills", "twice", "key")
    }
    storm = Storm(seconds * 0.1, draw["storm"].choice((400, 800, 1600)), draw["storm"].random() < 0.7)
    return Plan(
        seed=seed,
        jobs=jobs,
        minutes=minutes,
        seconds=seconds,
        words=_words(draw["words"]),
        submissions=_submissions(draw["load"], jobs, seconds),
        storm=storm,
        fault_windows=_fault_windows(draw["aws"], seconds),
        kills=_kills(draw["kills"], seconds),
        repeats=_repeats(draw["twice"], seconds),
        key_outages=_key_outages(draw["key"], seconds),
    )


def _words(draw: random.Random) -> tuple[str, ...]:
    """Returns an invented word for each tenant; no word is a part of another."""
    found: list[str] = []
    while len(found) <= STORM:
        word = "".join(draw.sample(_SYLLABLES, 4))
        if word not in found:
            found.append(word)
    return tuple(found)


def _submissions(draw: random.Random, jobs: int, seconds: float) -> tuple[Submission, ...]:
    """Returns the submissions, spread over the run. The storming tenant has ten times as many as a healthy one."""
    share = jobs / (HEALTHY + STORM_TIMES)
    counts = [round(share) for _ in range(HEALTHY)]
    counts.append(jobs - sum(counts))
    found = []
    for tenant, count in enumerate(counts):
        for number in range(count):
            shape = draw.choices((SHORT, LONG, BROKEN), (90, 9, 1))[0]
            # Bytes that are not text cannot be sent inline as JSON.
            upload = shape is BROKEN or draw.random() < 0.4
            at = seconds * (number + draw.random()) / count
            found.append(Submission(at, tenant, number, shape, upload))
    return _in_order(found)


def _fault_windows(draw: random.Random, seconds: float) -> tuple[FaultWindow, ...]:
    """Returns the fault windows: one starts about every four seconds and lasts some seconds, so some overlap."""
    found = []
    at = draw.uniform(1, 4)
    while at < seconds - 2:
        found.append(_fault_window(draw, at))
        at += draw.uniform(2, 6)
    return tuple(found)


def _fault_window(draw: random.Random, at: float) -> FaultWindow:
    seed = draw.randrange(2**31)
    lasting = draw.uniform(2, 7)
    match draw.choices(("fail", "outage", "delay", "drop", "twice"), (4, 1, 3, 4, 1))[0]:
        case "fail":
            service = draw.choice(list(_THROTTLED))
            return FaultWindow(
                at, lasting, Fail(draw.choice(_THROTTLED[service])), service, None, draw.uniform(0.1, 0.5), seed
            )
        case "outage":
            service = draw.choice(list(_THROTTLED))
            code = _THROTTLED[service][1]
            return FaultWindow(at, draw.uniform(1, 2.5), Fail(code), service, None, 1.0, seed)
        case "delay":
            service, action = draw.choice(_DELAYED)
            late = Delay(draw.choice((100, 300, 900, 2500)))
            return FaultWindow(at, lasting, late, service, action, draw.uniform(0.05, 0.4), seed)
        case "drop":
            service, action = draw.choice(_WRITES)
            effect = draw.choices((DropAfter(), DropBefore()), (3, 1))[0]
            return FaultWindow(at, lasting, effect, service, action, draw.uniform(0.1, 0.6), seed)
        case _:
            service, action = draw.choice(_WRITES[:6])
            return FaultWindow(at, lasting, Duplicate(), service, action, draw.uniform(0.1, 0.5), seed)


def _kills(draw: random.Random, seconds: float) -> tuple[Kill, ...]:
    found = []
    at = draw.uniform(1, 3)
    while at < seconds:
        found.append(Kill(at, draw.choices(FUNCTIONS, (3, 3, 5, 1))[0], draw.random()))
        at += draw.expovariate(1 / 1.5)
    return tuple(found)


def _repeats(draw: random.Random, seconds: float) -> tuple[Repeat, ...]:
    found = []
    at = draw.uniform(1, 3)
    while at < seconds:
        # Half of the repeats belong to the healthy tenants, which have a third of the jobs.
        tenant = STORM if draw.random() < 0.5 else draw.randrange(HEALTHY)
        found.append(Repeat(at, draw.random() < 0.5, tenant, draw.random()))
        at += draw.expovariate(1 / 0.8)
    return tuple(found)


def _key_outages(draw: random.Random, seconds: float) -> tuple[KeyOutage, ...]:
    """Returns zero to two short outages of the storming tenant's key."""
    found = [KeyOutage(seconds * draw.uniform(0.2, 0.8), draw.uniform(2, 5)) for _ in range(draw.randrange(3))]
    return tuple(sorted(found, key=lambda each: each.at))


def _in_order(found: Iterable[Submission]) -> tuple[Submission, ...]:
    return tuple(sorted(found, key=lambda each: (each.at, each.tenant, each.number)))
