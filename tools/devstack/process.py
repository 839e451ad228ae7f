"""Child processes of the local stack: started on free ports, awaited, and ended by us only.

A recorded process is known by its id *and* its start time, because ids are reused: `down` must
never end a stranger that happens to have the number of an emulator of yesterday.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_POLL_SECONDS = 0.05
_STOP_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


class StackError(Exception):
    """Something the local stack needs did not work; the message says what to do next."""


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail(log: Path, lines: int = 25) -> str:
    """The end of a log, indented, for an error message."""
    if not log.exists():
        return f"    ({log} was never written)"
    found = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in found) or f"    ({log} is empty)"


@dataclass(frozen=True)
class Known:
    """A process as it can be written down and recognised later."""

    pid: int
    born: str

    @classmethod
    def of(cls, pid: int) -> Known:
        return cls(pid, _born(pid))

    def alive(self) -> bool:
        return self.born != "" and _born(self.pid) == self.born

    def stop(self) -> None:
        """SIGTERM, then SIGKILL when it does not listen; nothing when it is gone or another."""
        for number, patience in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, 2.0)):
            if not self.alive():
                return
            os.kill(self.pid, number)
            deadline = time.monotonic() + patience
            while self.alive() and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)


def _born(pid: int) -> str:
    """Start time in clock ticks since boot; empty for a process that is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rsplit(")", 1)[1].split()
    return "" if fields[0] == "Z" else fields[19]


class Child:
    """A Python module of this project, running beside us."""

    def __init__(self, module: str, arguments: Sequence[str], log: Path, *, detached: bool) -> None:
        """Start `python -m module arguments…`, both outputs in `log`.

        A detached child outlives us (`make up`); any other is told to end when we die, even by
        SIGKILL, so that a broken-off test run leaves nothing behind.
        """
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-m", module, *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=None if detached else _end_with_parent,
            )
        self.module = module
        self.known = Known.of(self._process.pid)

    def ready(self, deadline_seconds: float, progress: Callable[[str], None]) -> str:
        """Wait for the line `ready URL` in the output and return the URL."""
        deadline = time.monotonic() + deadline_seconds
        while time.monotonic() < deadline:
            for line in self.log.read_text(errors="replace").splitlines():
                if line.startswith("ready "):
                    return line.split()[1]
            if self._process.poll() is not None:
                raise StackError(
                    f"{self.module} ended with status {self._process.returncode} before it was ready.\n"
                    f"{tail(self.log)}\n  The whole log: {self.log}"
                )
            progress("waiting for it to answer")
            time.sleep(_POLL_SECONDS)
        raise StackError(
            f"{self.module} was not ready after {deadline_seconds:.0f} s.\n{tail(self.log)}\n"
            f"  The whole log: {self.log}. A busy machine may need another try."
        )

    def stop(self) -> None:
        self.known.stop()
        self._process.poll()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def run_logged(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    deadline_seconds: float,
    progress: Callable[[str], None],
    describe: Callable[[str], str],
    cwd: Path = ROOT,
) -> int:
    """Run a command with its output in `log`; `describe` makes progress of what it wrote so far."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_parent,
        )
        deadline = time.monotonic() + deadline_seconds
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    raise StackError(
                        f"`{' '.join(command[:2])}` ran longer than {deadline_seconds:.0f} s.\n{tail(log)}"
                    )
                progress(describe(log.read_text(errors="replace")))
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(_STOP_SECONDS)
    return process.returncode
