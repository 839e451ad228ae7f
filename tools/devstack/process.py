"""Starts, awaits and stops the child processes of the local stack.

A recorded process is identified by its id and its start time. The operating system reuses ids, and
`down` must not stop another program.
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
    """The local stack cannot start or deploy; the message says what to do next."""


def free_port() -> int:
    """Returns a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail(log: Path, lines: int = 25) -> str:
    """Returns the end of a log, indented, for an error message."""
    if not log.exists():
        return f"    ({log} does not exist)"
    found = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in found) or f"    ({log} is empty)"


@dataclass(frozen=True)
class Known:
    """A process, identified by id and start time."""

    pid: int
    born: str

    @classmethod
    def of(cls, pid: int) -> Known:
        return cls(pid, _born(pid))

    def alive(self) -> bool:
        return self.born != "" and _born(self.pid) == self.born

    def stop(self) -> None:
        """Sends SIGTERM, and SIGKILL after 10 seconds. Does nothing if the process is gone."""
        for number, patience in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, 2.0)):
            if not self.alive():
                return
            os.kill(self.pid, number)
            deadline = time.monotonic() + patience
            while self.alive() and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)


def _born(pid: int) -> str:
    """Returns the start time in clock ticks since boot; empty if the process is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rsplit(")", 1)[1].split()
    return "" if fields[0] == "Z" else fields[19]


class Child:
    """A Python module of this project as a child process."""

    def __init__(self, module: str, arguments: Sequence[str], log: Path, *, detached: bool) -> None:
        """Starts `python -m module arguments…` with stdout and stderr in `log`.

        A detached child outlives this process (`make up`). Any other child receives SIGTERM when this
        process dies, even by SIGKILL, so that an interrupted test run leaves no process.
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
        """Waits for the line `ready URL` in the output and returns the URL."""
        deadline = time.monotonic() + deadline_seconds
        while time.monotonic() < deadline:
            for line in self.log.read_text(errors="replace").splitlines():
                if line.startswith("ready "):
                    return line.split()[1]
            if self._process.poll() is not None:
                raise StackError(
                    f"{self.module} exited with status {self._process.returncode} before it was ready.\n"
                    f"{tail(self.log)}\n  Full log: {self.log}"
                )
            progress("waiting for the first answer")
            time.sleep(_POLL_SECONDS)
        raise StackError(
            f"{self.module} was not ready after {deadline_seconds:.0f} s.\n{tail(self.log)}\n"
            f"  Full log: {self.log}. On a busy machine, try again."
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
    """Runs a command with its output in `log`; `describe` turns the output so far into a progress text."""
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
