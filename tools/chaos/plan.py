"""What is done to the product, and when: a pure function of the seed.

The plan is the same on every machine. How fast processes get on with it is not, so two runs of one seed
do the same things to different moments of different jobs.
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
FUNCTIONS = ("intake", "dispatch", "ingestion", "release")
# Jobs handed in each second unless a duration is asked for: what one local AWS gets done, more or less.
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

# What each service says on a bad day. Anything that AWS spoils is no failure of the tenant.
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
# Calls whose answer is worth losing: all of them have changed something by then.
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
# Late enough that another process comes in between.
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
    # Passages that it has to have in the index; none: it cannot be read.
    passages: int


SHORT, LONG, BROKEN = Shape("short", 1), Shape("long", 3), Shape("broken", 0)
SHAPES = {each.name: each for each in (SHORT, LONG, BROKEN)}


@dataclass(frozen=True)
class HandIn:
    """A document that a tenant hands in."""

    at: float
    tenant: int
    number: int
    shape: Shape
    # Through the API, or to an address that the API signed.
    upload: bool


@dataclass(frozen=True)
class Trouble:
    """Calls to AWS that go wrong for a while."""

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
    """The end of a process of a function; `draw` chooses which."""

    at: float
    function: str
    draw: float


@dataclass(frozen=True)
class Repeat:
    """Something that comes twice: a job's message, or the event of a document's upload."""

    at: float
    event: bool
    tenant: int
    draw: float


@dataclass(frozen=True)
class KeyOutage:
    """The storming tenant puts its own key out of use for a while."""

    at: float
    seconds: float


@dataclass(frozen=True)
class Storm:
    """Every call of the storming tenant's to its model is late, and then refused for good."""

    at: float
    milliseconds: int
    # Whether the cause is gone when all else is over.
    repaired: bool


@dataclass(frozen=True)
class Plan:
    """Everything that is done in a run, in seconds after its start."""

    seed: int
    jobs: int
    # As asked for; the same three make the same plan.
    minutes: float | None
    seconds: float
    words: tuple[str, ...]
    hand_ins: tuple[HandIn, ...]
    storm: Storm
    troubles: tuple[Trouble, ...]
    kills: tuple[Kill, ...]
    repeats: tuple[Repeat, ...]
    key_outages: tuple[KeyOutage, ...]

    @property
    def again(self) -> str:
        """The options that make this plan."""
        within = f" --minutes {self.minutes!r}" if self.minutes else ""
        return f"--seed {self.seed} --jobs {self.jobs}{within}"

    def of(self, tenant: int) -> tuple[HandIn, ...]:
        return tuple(each for each in self.hand_ins if each.tenant == tenant)


def make(seed: int, jobs: int, minutes: float | None = None) -> Plan:
    """The plan of a run that hands in `jobs` documents within `minutes`."""
    seconds = minutes * 60 if minutes else max(20.0, jobs / PACE)
    # A generator for each part: more of one changes nothing about another.
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
        hand_ins=_hand_ins(draw["load"], jobs, seconds),
        storm=storm,
        troubles=_troubles(draw["aws"], seconds),
        kills=_kills(draw["kills"], seconds),
        repeats=_repeats(draw["twice"], seconds),
        key_outages=_key_outages(draw["key"], seconds),
    )


def _words(draw: random.Random) -> tuple[str, ...]:
    """A made-up word for each tenant, none a part of another."""
    found: list[str] = []
    while len(found) <= STORM:
        word = "".join(draw.sample(_SYLLABLES, 4))
        if word not in found:
            found.append(word)
    return tuple(found)


def _hand_ins(draw: random.Random, jobs: int, seconds: float) -> tuple[HandIn, ...]:
    """Each tenant's documents, spread over the run; the storming tenant's are ten times as many."""
    share = jobs / (HEALTHY + STORM_TIMES)
    counts = [round(share) for _ in range(HEALTHY)]
    counts.append(jobs - sum(counts))
    found = []
    for tenant, count in enumerate(counts):
        for number in range(count):
            shape = draw.choices((SHORT, LONG, BROKEN), (90, 9, 1))[0]
            # What is no text can only be uploaded; JSON would carry it no further than here.
            upload = shape is BROKEN or draw.random() < 0.4
            at = seconds * (number + draw.random()) / count
            found.append(HandIn(at, tenant, number, shape, upload))
    return _in_order(found)


def _troubles(draw: random.Random, seconds: float) -> tuple[Trouble, ...]:
    """One comes about every four seconds and lasts for a few, so that they overlap now and then."""
    found = []
    at = draw.uniform(1, 4)
    while at < seconds - 2:
        found.append(_trouble(draw, at))
        at += draw.uniform(2, 6)
    return tuple(found)


def _trouble(draw: random.Random, at: float) -> Trouble:
    seed = draw.randrange(2**31)
    lasting = draw.uniform(2, 7)
    match draw.choices(("fail", "outage", "delay", "drop", "twice"), (4, 1, 3, 4, 1))[0]:
        case "fail":
            service = draw.choice(list(_THROTTLED))
            return Trouble(
                at, lasting, Fail(draw.choice(_THROTTLED[service])), service, None, draw.uniform(0.1, 0.5), seed
            )
        case "outage":
            service = draw.choice(list(_THROTTLED))
            code = _THROTTLED[service][1]
            return Trouble(at, draw.uniform(1, 2.5), Fail(code), service, None, 1.0, seed)
        case "delay":
            service, action = draw.choice(_DELAYED)
            late = Delay(draw.choice((100, 300, 900, 2500)))
            return Trouble(at, lasting, late, service, action, draw.uniform(0.05, 0.4), seed)
        case "drop":
            service, action = draw.choice(_WRITES)
            effect = draw.choices((DropAfter(), DropBefore()), (3, 1))[0]
            return Trouble(at, lasting, effect, service, action, draw.uniform(0.1, 0.6), seed)
        case _:
            service, action = draw.choice(_WRITES[:6])
            return Trouble(at, lasting, Duplicate(), service, action, draw.uniform(0.1, 0.5), seed)


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
        # Half of them of the healthy tenants, who have a third of the jobs.
        tenant = STORM if draw.random() < 0.5 else draw.randrange(HEALTHY)
        found.append(Repeat(at, draw.random() < 0.5, tenant, draw.random()))
        at += draw.expovariate(1 / 0.8)
    return tuple(found)


def _key_outages(draw: random.Random, seconds: float) -> tuple[KeyOutage, ...]:
    """Short ones, in some runs: nothing is handed in meanwhile, and what was handed in has to wait."""
    found = [KeyOutage(seconds * draw.uniform(0.2, 0.8), draw.uniform(2, 5)) for _ in range(draw.randrange(3))]
    return tuple(sorted(found, key=lambda each: each.at))


def _in_order(found: Iterable[HandIn]) -> tuple[HandIn, ...]:
    return tuple(sorted(found, key=lambda each: (each.at, each.tenant, each.number)))
