"""What can happen to a call. Plain data, so that it travels to the proxy as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Fail:
    """An error in the service's own wire format; the call does not reach it."""

    code: str
    # None: what the service's model says, or AWS's usual one.
    status: int | None = None
    message: str = "a fault that was asked for"


@dataclass(frozen=True)
class Delay:
    """The call goes on this much later. Rules that come after may still do something to it."""

    milliseconds: int


@dataclass(frozen=True)
class DropBefore:
    """The connection breaks before the call reaches the service."""


@dataclass(frozen=True)
class DropAfter:
    """The call takes effect, and the connection breaks instead of an answer."""


@dataclass(frozen=True)
class Duplicate:
    """The call is made twice; its caller gets the first answer."""


Effect = Fail | Delay | DropBefore | DropAfter | Duplicate
KINDS: dict[str, type] = {each.__name__: each for each in (Fail, Delay, DropBefore, DropAfter, Duplicate)}


def kind(effect: Effect) -> str:
    return type(effect).__name__


def to_json(effect: Effect) -> dict[str, Any]:
    return {"kind": kind(effect), **asdict(effect)}


def from_json(found: dict[str, Any]) -> Effect:
    members = dict(found)
    return KINDS[members.pop("kind")](**members)
