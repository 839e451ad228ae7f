"""Command line: `python -m tools.benchmark [--seconds N] [--repeats N] [--only KEY …]`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tools.devstack.console import Console
from tools.devstack.process import ROOT

from . import page, table
from .load import Load
from .measure import Phase, Result, result
from .run import run
from .setups import SETUPS

_TARGET = ROOT / "target" / "bench-neighbour"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmark", description="Measures how much one tenant's storm delays other tenants."
    )
    keys = [each.key for each in SETUPS]
    parser.add_argument("--seconds", type=float, default=15.0, metavar="N", help="seconds per phase (default: 15)")
    parser.add_argument(
        "--repeats", type=int, default=2, metavar="N", help="number of quiet phases and of storms (default: 2)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=keys,
        default=keys,
        metavar="KEY",
        help=f"run only these set-ups: {', '.join(keys)}",
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="Name=Value", help="more parameters of template.yaml")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder with another template.yaml and its builds")
    options = parser.parse_args(arguments)
    console = Console()
    began = time.monotonic()
    more = dict(each.split("=", 1) for each in options.set)
    measured: dict[str, list[Phase]] = {}
    results: dict[str, Result] = {}
    for setup in (each for each in SETUPS if each.key in options.only):
        phases = run(setup, options.seconds, options.repeats, console, options.root.resolve(), more)
        measured[setup.title] = phases
        results[setup.title] = result(phases, setup.load.service_seconds, setup.load.storm_seconds)
        # After each set-up, so that an interrupted run keeps its results.
        _write(measured, results, setup.load)
    console.heading("Healthy tenants in a storm, compared with the same arrivals without it")
    for line in table.text(results):
        console.line(f"  {line}")
    for line in table.drift(results, Load.service_seconds):
        console.line(f"  {line}")
    for line in table.LEGEND:
        console.line(console.paint(f"  {line}", "dim"))
    console.line(f"  {_TARGET.relative_to(ROOT)}/report.json and index.html, {time.monotonic() - began:.0f} s in total")
    unfinished = sum(each.unfinished for each in results.values())
    if unfinished:
        console.line(f"  {unfinished} documents of healthy tenants did not become ready: no result")
    return 1 if unfinished else 0


def _write(measured: dict[str, list[Phase]], results: dict[str, Result], load: Load) -> None:
    _TARGET.mkdir(parents=True, exist_ok=True)
    report = {
        "load": asdict(load),
        "setups": {
            title: {"result": results[title].to_json(), "phases": [asdict(phase) for phase in phases]}
            for title, phases in measured.items()
        },
    }
    (_TARGET / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (_TARGET / "table.md").write_text("\n".join(table.markdown(results)) + "\n")
    (_TARGET / "index.html").write_text(page.html(measured, results, load))


if __name__ == "__main__":
    sys.exit(main())
