"""Prints the steps of the local tools and their elapsed seconds.

On a terminal a running step is one line that is rewritten. In a log a step prints one line at the end. A slow
step also prints a line every few seconds, so that it does not look stuck.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_QUIET_SECONDS = 5.0
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Step:
    """One running step; `note` shows its progress."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title = console, title
        self._started = self._shown = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def note(self, text: str = "") -> None:
        """Shows progress: at once on a terminal, every few seconds in a log."""
        now = time.monotonic()
        line = f"  ...  {self._title}" + (f": {text}" if text else "")
        if self._console.tty:
            self._console.rewrite(f"{line} ({self.seconds:.0f} s)")
        elif now - self._shown >= _QUIET_SECONDS:
            self._shown = now
            self._console.line(f"{line} ({self.seconds:.0f} s)")


class Console:
    """Prints to one stream, in colour if the stream is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self.tty = self._stream.isatty()
        self._colour = self.tty and "NO_COLOR" not in os.environ

    def paint(self, text: str, *styles: str) -> str:
        """Returns the text in colour if the stream is a terminal, unchanged otherwise."""
        if not self._colour or not styles:
            return text
        return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"

    def line(self, text: str = "") -> None:
        print(text, file=self._stream, flush=True)

    def rewrite(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text[:100]}")
        self._stream.flush()

    def heading(self, text: str) -> None:
        self.line()
        self.line(self.paint(text, "bold"))

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Runs a step and prints its verdict and duration."""
        step = Step(self, title)
        if self.tty:
            step.note()
        try:
            yield step
        except BaseException:
            self._end(step, title, self.paint("FAIL", "red", "bold"))
            raise
        self._end(step, title, self.paint(" ok ", "green"))

    def _end(self, step: Step, title: str, verdict: str) -> None:
        if self.tty:
            self._stream.write("\r\x1b[K")
        self.line(f"  {verdict} {title:<72} {step.seconds:6.1f} s")
