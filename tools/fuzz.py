"""Fuzzes the targets of `fuzz/` for a limited time: `python -m tools.fuzz [--seconds N] [TARGET …]`.

Finds panics, failed assertions of the targets, and inputs that take longer than 20 seconds. libFuzzer runs
without a sanitizer, which needs a nightly compiler; the code is safe Rust. A failing input is kept in a
file, and the output names the file.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .devstack.console import Console
from .devstack.process import ROOT, StackError

FUZZ = ROOT / "fuzz"
_TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "fuzz"
_TOOLS = _TARGET.parent / "tools" / "bin"
# Maximum length of an input in bytes, and maximum seconds per input.
_MAX_LENGTH, _TIMEOUT = 4096, 20
_RUNS = re.compile(r"Done (\d+) runs")


def targets() -> list[str]:
    """Returns the names of all targets."""
    return sorted(path.stem for path in (FUZZ / "targets").glob("*.rs"))


def build(console: Console) -> None:
    """Builds all targets with coverage instrumentation."""
    command = [
        "cargo",
        "fuzz",
        "build",
        "--fuzz-dir",
        str(FUZZ),
        "--sanitizer",
        "none",
        "--codegen-units",
        "16",
        "--target-dir",
        str(_TARGET),
    ]
    with console.step("build the fuzz targets"):
        done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True)
        if done.returncode != 0:
            said = done.stderr[max(done.stderr.find("\nerror"), 0) :]
            raise StackError(f"building the fuzz targets failed:\n{said[:4000]}")


def run(console: Console, target: str, seconds: int) -> bool:
    """Fuzzes one target and prints the number of inputs, or the failing input. Returns true if no input failed."""
    corpus = _TARGET / "corpus" / target
    shutil.rmtree(corpus, ignore_errors=True)
    corpus.mkdir(parents=True)
    failing = _TARGET / "failing"
    failing.mkdir(exist_ok=True)
    seeds = FUZZ / "seeds" / target
    binary = next(_TARGET.glob(f"*/release/{target}"))
    command = [
        str(binary),
        str(corpus),
        *([str(seeds)] if seeds.is_dir() else []),
        f"-max_total_time={seconds}",
        f"-max_len={_MAX_LENGTH}",
        f"-timeout={_TIMEOUT}",
        f"-artifact_prefix={failing}/{target}-",
        "-print_final_stats=0",
    ]
    with console.step(f"fuzz {target}") as step:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        found = _RUNS.search(done.stderr)
        step.note(found.group(0) if found else "")
    if done.returncode == 0 and found:
        console.line(f"       {int(found.group(1)):,} inputs")
        return True
    console.line(f"  {target} failed; repeat it with the file named below:\n{done.stderr[-3000:]}")
    return False


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{_TOOLS}{os.pathsep}{os.environ['PATH']}"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="targets to run (default: all)")
    parser.add_argument("--seconds", type=int, default=10, help="seconds per target (default: 10)")
    options = parser.parse_args()
    console = Console()
    build(console)
    good = [run(console, target, options.seconds) for target in options.targets or targets()]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
