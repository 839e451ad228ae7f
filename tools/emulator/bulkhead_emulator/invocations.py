"""A record of what functions did: every invocation with its event, its tenant, and when it began and ended.

With `--invocations FILE` each invocation becomes one line of JSON when it ends, the start of a new environment
included. What somebody who measures would otherwise ask of the functions, at the cost of what is measured.
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
    """Write every invocation from now on to a file; None writes none."""
    global _file
    # Line by line, so that whoever reads the file during a run reads whole lines.
    _file = Path(path).open("a", buffering=1, encoding="utf-8") if path else None  # noqa: SIM115


@contextmanager
def noted(function: str, tenant: str | None, event: Any, *, new: bool) -> Iterator[None]:
    """Write down an invocation that lasts as long as the context; `new` is one that starts an environment."""
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
