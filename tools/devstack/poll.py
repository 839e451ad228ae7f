"""Waiting for something to become true: often, with a deadline, and saying what was last seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class TooLate(AssertionError):
    """It did not become true in time."""


def until(
    look: Callable[[], T],
    enough: Callable[[T], bool],
    what: str,
    seconds: float = 30.0,
    every: float = 0.1,
    progress: Callable[[T], None] | None = None,
) -> T:
    """Call `look` until `enough` is true of what it returns, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if enough(seen):
            return seen
        if progress:
            progress(seen)
        if time.monotonic() > deadline:
            raise TooLate(f"{what}: not so after {seconds:.0f} s; last seen {seen!r}")
        time.sleep(every)
