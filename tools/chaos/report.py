"""What a run says for itself: the plan before, a table after, and a folder with the page and the figures."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.devstack.console import Console
from tools.devstack.process import ROOT

from . import page
from .plan import STORM_TIMES, Plan
from .run import Outcome, percentile
from .watch import to_json

_SHOWN = 12


def announce(console: Console, plan: Plan) -> None:
    """What is going to be done."""
    console.line(
        f"  {plan.jobs} documents of {len(plan.words)} tenants within {plan.seconds:.0f} s; the last hands in "
        f"{STORM_TIMES} times as many as each other, and all of them fail"
    )
    console.line(
        f"  {len(plan.troubles)} times AWS misbehaves, {len(plan.kills)} processes are killed, "
        f"{len(plan.repeats)} messages and events come twice, the key is out of use {len(plan.key_outages)} times; "
        f"{'the cause is repaired' if plan.storm.repaired else 'the cause stays'} at the end"
    )


def write(outcome: Outcome) -> Path:
    """Write `report.json` and `index.html` of the run; its folder is returned."""
    folder = ROOT / "target" / "chaos" / str(outcome.plan.seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(to_dict(outcome), indent=1) + "\n")
    (folder / "index.html").write_text(page.render(to_dict(outcome)))
    return folder


def to_dict(outcome: Outcome) -> dict[str, Any]:
    """The report as plain data, which is what the page is made of."""
    verdict = outcome.verdict
    return {
        "seed": outcome.plan.seed,
        "again": outcome.plan.again,
        "jobs": outcome.plan.jobs,
        "seconds": outcome.plan.seconds,
        "over": round(outcome.over, 1),
        "settled_at": round(outcome.settled_at, 1),
        "settled": {name: getattr(outcome.settled, name) for name in ("open", "parked", "unseen", "held")},
        "tenants": [each.name for each in outcome.customers],
        "storm": asdict(outcome.plan.storm),
        "key_outages": [asdict(each) for each in outcome.plan.key_outages],
        "troubles": [
            {"at": each.at, "seconds": each.seconds, "name": each.name, "probability": each.probability}
            for each in outcome.plan.troubles
        ],
        "kills": outcome.kills,
        "verdict": {
            "good": verdict.good,
            "accepted": verdict.accepted,
            "places": {tenant: dict(counts) for tenant, counts in verdict.places.items()},
            "lost": verdict.lost,
            "duplicates": verdict.duplicates,
            "crossed": verdict.crossed,
            "unsettled": verdict.unsettled,
            "unproven": verdict.unproven,
            "forgotten": verdict.forgotten,
        },
        "waits": [
            {
                "tenant": each.tenant,
                "calm": _figures(each.calm),
                "storm": _figures(each.storm),
            }
            for each in outcome.waits
        ],
        "figures": outcome.figures,
        "samples": to_json(outcome.samples),
    }


def _figures(values: tuple[float, ...]) -> dict[str, Any]:
    rounded = {name: percentile(values, part) for name, part in (("p50", 0.5), ("p99", 0.99))}
    return {"count": len(values), **{name: None if v is None else round(v, 2) for name, v in rounded.items()}}


def show(console: Console, outcome: Outcome, folder: Path) -> None:
    """The table, and the line that counts."""
    verdict, found = outcome.verdict, to_dict(outcome)
    console.heading("What became of the accepted jobs")
    console.line(
        f"  {'tenant':<12} {'accepted':>9} {'indexed':>8} {'parked':>7} {'dead':>6} {'open':>5} {'lost':>5}"
        f"   {'wait, calm':>14} {'wait, storm':>16}"
    )
    for waits in found["waits"]:
        counts = verdict.places[waits["tenant"]]
        console.line(
            f"  {waits['tenant']:<12} {sum(counts.values()):>9} {counts['indexed']:>8} {counts['parked']:>7} "
            f"{counts['dead']:>6} {counts['open']:>5} {counts['lost']:>5}"
            f"   {_pair(waits['calm']):>14} {_pair(waits['storm']):>16}"
        )
    totals = " ".join(
        f"{verdict.total(place):>{width}}"
        for place, width in (("indexed", 8), ("parked", 7), ("dead", 6), ("open", 5), ("lost", 5))
    )
    console.line(f"  {'all':<12} {verdict.accepted:>9} {totals}   (p50 / p99 in seconds)")
    console.heading("What was done to them")
    for name, value in outcome.figures.items():
        if isinstance(value, dict):
            value = (
                ", ".join(f"{count} {each}" for each, count in sorted(value.items(), key=lambda kv: -kv[1])) or "none"
            )
        console.line(f"  {name:<40} {value}")
    for title, wrong in _wrongs(outcome).items():
        if wrong:
            console.heading(console.paint(title, "red", "bold"))
            for line in wrong[:_SHOWN]:
                console.line(f"  {line}")
            if len(wrong) > _SHOWN:
                console.line(f"  … and {len(wrong) - _SHOWN} more, in report.json")
    if left := outcome.settled.left:
        console.heading(console.paint("It did not settle", "red", "bold"))
        console.line(f"  {left} jobs still had somewhere to go; what is called lost may be on its way: see report.json")
    console.line()
    summary = f"lost {len(verdict.lost)}, crossed {len(verdict.crossed)}, duplicates {len(verdict.duplicates)}"
    console.line(console.paint(summary, "green" if verdict.good else "red", "bold"))
    console.line(f'  The same plan again: make chaos ARGS="{outcome.plan.again}"')
    console.line(f"  {folder.relative_to(ROOT)}/index.html")


def _wrongs(outcome: Outcome) -> dict[str, tuple[str, ...]]:
    verdict = outcome.verdict
    return {
        "Lost": verdict.lost,
        "Crossed": verdict.crossed,
        "Duplicates": verdict.duplicates,
        "Forgotten: jobs without an entry in the backlog": verdict.forgotten,
        "Still open": verdict.unsettled,
        "Not proven": verdict.unproven,
    }


def _pair(figures: dict[str, Any]) -> str:
    return f"{figures['p50']:.1f} / {figures['p99']:.1f}" if figures["count"] else "-"
