"""The effects of a rule, as plain data that is sent to the proxy as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Fail:
    """Answers with an error in the service's format; the call does not reach the service."""

    code: str
    # None: the status in the service's model, or the usual one.
    status: int | None = None
    message: str = "an injected fault"


@dataclass(frozen=True)
class Delay:
    """Delays the call. Later rules still apply."""

    milliseconds: int


@dataclass(frozen=True)
class DropBefore:
    """Breaks the connection before the call reaches the service."""


@dataclass(frozen=True)
class DropAfter:
    """Passes the call to the service and breaks the connection instead of answering."""


@dataclass(frozen=True)
class Duplicate:
    """Makes the call twice and returns the first answer."""


@dataclass(frozen=True)
class Cut:
    """Breaks the connection after a part of the answer's body. For answers that come in parts."""

    after_bytes: int


@dataclass(frozen=True)
class Hold:
    """Sends the rest of the answer's body only when the rule is removed. For answers that come in parts."""

    after_bytes: int


Effect = Fail | Delay | DropBefore | DropAfter | Duplicate | Cut | Hold
KINDS: dict[str, type] = {each.__name__: each for each in (Fail, Delay, DropBefore, DropAfter, Duplicate, Cut, Hold)}


def kind(effect: Effect) -> str:
    return type(effect).__name__


def to_json(effect: Effect) -> dict[str, Any]:
    return {"kind": kind(effect), **asdict(effect)}


def from_json(found: dict[str, Any]) -> Effect:
    members = dict(found)
    return KINDS[members.pop("kind")](**members)
