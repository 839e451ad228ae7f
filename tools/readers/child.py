"""Runs the deployed reader on one file and measures it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.devstack.process import ROOT

BOOTSTRAP = ROOT / "target" / "lambda" / "extraction" / "bootstrap"
# The limits of the function around the child: functions/extraction/src/lib.rs and parent.rs.
_DEADLINE_SECONDS = 25.0
_OUTPUT_BYTES = 6_000_000
_NOT_CONFINED = 70

# Runs between this process and the child, because the kernel counts the memory of the process that starts the child.
# So the least memory that can be measured is that of a bare Python.
_MEASURE = """
import os, sys, time
began = time.monotonic()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], {})
_, status, used = os.wait4(process, 0)
figures = time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss
os.write(2, "\\n{} {} {} {}".format(os.waitstatus_to_exitcode(status), *figures).encode())
"""


@dataclass(frozen=True)
class Reading:
    """What the deployed reader made of a file."""

    # `text`, `refused` (by the reader, with a reason), or `stopped` (by a limit of the process).
    outcome: str
    reason: str | None = None
    passages: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0
    memory_bytes: int = 0


def read(content_type: str, path: Path) -> Reading:
    """Reads a file, each page in a confined process, as the function does. The figures are those of the first page."""
    reading, total = _read_page(content_type, path, 0)
    while reading.outcome == "text" and len(reading.passages) < total:
        more, _ = _read_page(content_type, path, len(reading.passages))
        if not more.passages:
            return more
        reading.passages.extend(more.passages)
    return reading


def _read_page(content_type: str, path: Path, first: int) -> tuple[Reading, int]:
    """Reads the passages from number `first` on. Returns the reading and the number of all passages."""
    arguments = ["parse", content_type, "plain", str(first)]
    command = [sys.executable, "-I", "-S", "-c", _MEASURE, str(BOOTSTRAP), *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            output, errors = process.communicate(path.read_bytes(), timeout=_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return Reading("stopped", "time", seconds=_DEADLINE_SECONDS), 0
    status, *rest = errors.rpartition(b"\n")[2].decode().split()
    seconds, processor, memory = map(float, rest)
    outcome, reason, page = judge(int(status), output)
    reading = Reading(
        outcome,
        reason,
        [each["text"] for each in page.get("passages", [])],
        page.get("warnings", []),
        seconds,
        processor,
        int(memory) * 1024,
    )
    return reading, page.get("total", 0)


def judge(status: int, output: bytes) -> tuple[str, str | None, dict[str, Any]]:
    """Returns outcome, reason and page for the exit status and the output of a child."""
    if status == _NOT_CONFINED:
        raise RuntimeError("the child could not confine itself; run on a kernel with seccomp")
    if status != 0:
        limit = {-signal.SIGXCPU: "time", -signal.SIGSYS: "system call"}.get(status, "memory")
        return "stopped", limit, {}
    if len(output) > _OUTPUT_BYTES:
        return "stopped", "output", {}
    answer = json.loads(output)
    if "page" in answer:
        return "text", None, answer["page"]
    return "refused", answer["unreadable"], {}
