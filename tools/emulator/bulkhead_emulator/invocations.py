"""Records every invocation with event, tenant, start and end.

With `--invocations FILE` each invocation becomes one line of JSON when it ends, including the start of a new
environment. A benchmark reads the file instead of asking the functions, which would change the measurement.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import Any, TextIO

_file: TextIO | None = None
_lock = threading.Lock()


def to(path: str | None) -> None:
    """Starts to write invocations to a file; None stops it."""
    global _file
    # Line buffered, so that a reader sees whole lines during a run.
    _file = Path(path).open("a", buffering=1, encoding="utf-8") if path else None  # noqa: SIM115


@contextmanager
def noted(function: str, tenant: str | None, event: Any, *, new: bool) -> Iterator[None]:
    """Records the invocation inside the context; `new` means that it starts an environment."""
    if _file is None:
        yield
        return
    started = time()
    try:
        yield
    finally:
        line = {"function": function, "tenant": tenant, "started": started, "ended": time(), "new": new, "event": event}
        with _lock:
            _file.write(json.dumps(line) + "\n")
