"""Replaces itself by the harness binary, because `Child` starts Python modules only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tools.devstack.process import ROOT

BINARY = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "bulkhead-harness"

if __name__ == "__main__":
    os.execv(BINARY, [str(BINARY), "serve", sys.argv[1]])
