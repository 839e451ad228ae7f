"""Polls until a condition holds; the error at the deadline shows the last value."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class TooLate(AssertionError):
    """The condition did not hold before the deadline."""


def until(
    look: Callable[[], T],
    enough: Callable[[T], bool],
    what: str,
    seconds: float = 30.0,
    every: float = 0.1,
    progress: Callable[[T], None] | None = None,
) -> T:
    """Calls `look` until `enough` accepts the value, and returns the value."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if enough(seen):
            return seen
        if progress:
            progress(seen)
        if time.monotonic() > deadline:
            raise TooLate(f"{what}: not true after {seconds:.0f} s; last seen {seen!r}")
        time.sleep(every)
