"""Command line: `python -m tools.readers [--types pdf,docx]`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from tools.devstack.console import Console

from . import cases, measure, page, sources
from .child import BOOTSTRAP
from .compare import Reference, compare
from .kinds import KINDS
from .measure import Result
from .sources import TARGET, File


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.readers", description="Measures how much of real files the deployed reader reads."
    )
    parser.add_argument(
        "--types", metavar="NAMES", help=f"only these, and no page: {', '.join(kind.key for kind in KINDS)}"
    )
    chosen = parser.parse_args(arguments).types
    console, began = Console(), time.monotonic()
    if not BOOTSTRAP.exists():
        parser.error(f"{BOOTSTRAP} is missing; run `make build`")
    packages = sources.packages()
    with console.step("install the reference readers"):
        sources.prepare()
    with console.step(f"fetch {len(packages)} packages"):
        for package in packages:
            sources.fetch(package)
    files = sources.take(packages)
    if chosen:
        files = [file for file in files if file.kind in chosen.split(",")]
    with console.step(f"read {len(files)} files"):
        results = _read(files)
    _report(results)
    for line in measure.table(results):
        console.line(f"  {line}")
    if not chosen:
        with console.step("run the small cases"):
            found = cases.run()
        page.PAGE.write_text(page.render(page.TEMPLATE.read_text(), results, found, packages))
        console.line("  docs/extraction.md")
    console.line(f"  target/readers/report.json, {time.monotonic() - began:.0f} s in total")
    return 0


def _read(files: Sequence[File]) -> list[Result]:
    kinds = {kind.key: kind for kind in KINDS}
    with Reference() as reference:
        return [compare(kinds[file.kind], file, reference) for file in files]


def _report(results: Sequence[Result]) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "report.json").write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
