"""Starts and stops the emulator under test."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_START_DEADLINE = 60.0


@dataclass
class Emulator:
    """A running emulator."""

    process: subprocess.Popen
    address: str
    log: Path

    @classmethod
    def start(
        cls,
        *,
        bare: bool = False,
        session_seconds: int | None = None,
        judgements: str | None = None,
        more: tuple[str, ...] = (),
    ) -> Emulator:
        port = _free_port()
        log = Path(tempfile.mkdtemp(prefix="emulator-test-")) / "log"
        command = [sys.executable, "-m", "bulkhead_emulator", "--port", str(port), "--log", str(log)]
        command += ["--bare"] if bare else []
        command += ["--session-seconds", str(session_seconds)] if session_seconds else []
        command += ["--judgements", judgements] if judgements else []
        command += more
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert process.stdout
        ready, _, _ = select.select([process.stdout], [], [], _START_DEADLINE)
        line = process.stdout.readline().strip() if ready else ""
        if line != f"ready http://127.0.0.1:{port}":
            process.terminate()
            raise RuntimeError(f"the emulator did not become ready; its log is {log}")
        return cls(process, f"http://127.0.0.1:{port}", log)

    def stop(self, *, keep_log: bool = False) -> int:
        """Stops the emulator by SIGTERM and returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        if not keep_log:
            shutil.rmtree(self.log.parent, ignore_errors=True)
        return status


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(check: Any, *, within: float = 20.0, every: float = 0.05) -> Any:
    """Calls ``check`` until it returns a true value, and returns the value."""
    deadline = time.monotonic() + within
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{check} was not true within {within} s; last: {found!r}")
        time.sleep(every)
