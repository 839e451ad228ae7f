"""Prints the plan and the result of a run, and writes the page and the figures."""

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
    """Prints the plan."""
    console.line(
        f"  {plan.jobs} documents of {len(plan.words)} tenants within {plan.seconds:.0f} s; the last tenant uploads "
        f"{STORM_TIMES} times as many as each healthy tenant, and all of its jobs fail"
    )
    console.line(
        f"  {len(plan.fault_windows)} fault rules, {len(plan.kills)} kills, {len(plan.repeats)} repeated messages and "
        f"events, {len(plan.key_outages)} key outages; at the end the cause of the storm "
        f"{'is repaired' if plan.storm.repaired else 'stays'}"
    )


def write(outcome: Outcome) -> Path:
    """Writes `report.json` and `index.html` of the run and returns their folder."""
    folder = ROOT / "target" / "chaos" / str(outcome.plan.seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(to_dict(outcome), indent=1) + "\n")
    (folder / "index.html").write_text(page.render(to_dict(outcome)))
    return folder


def to_dict(outcome: Outcome) -> dict[str, Any]:
    """Returns the report as plain data, the input of the page."""
    verdict = outcome.verdict
    return {
        "seed": outcome.plan.seed,
        "options": outcome.plan.options,
        "jobs": outcome.plan.jobs,
        "seconds": outcome.plan.seconds,
        "over": round(outcome.over, 1),
        "drained_at": round(outcome.drained_at, 1),
        "final": {name: getattr(outcome.final, name) for name in ("open", "waiting", "unseen", "held")},
        "tenants": [each.name for each in outcome.customers],
        "storm": asdict(outcome.plan.storm),
        "key_outages": [asdict(each) for each in outcome.plan.key_outages],
        "fault_windows": [
            {"at": each.at, "seconds": each.seconds, "name": each.name, "probability": each.probability}
            for each in outcome.plan.fault_windows
        ],
        "kills": outcome.kills,
        "verdict": {
            "good": verdict.good,
            "accepted": verdict.accepted,
            "locations": {tenant: dict(counts) for tenant, counts in verdict.locations.items()},
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
    """Prints the table and the result line."""
    verdict, found = outcome.verdict, to_dict(outcome)
    console.heading("Accepted jobs by tenant")
    console.line(
        f"  {'tenant':<12} {'accepted':>9} {'indexed':>8} {'waiting':>8} {'dead':>6} {'open':>5} {'lost':>5}"
        f"   {'wait, calm':>14} {'wait, storm':>16}"
    )
    for waits in found["waits"]:
        counts = verdict.locations[waits["tenant"]]
        console.line(
            f"  {waits['tenant']:<12} {sum(counts.values()):>9} {counts['indexed']:>8} {counts['waiting']:>8} "
            f"{counts['dead']:>6} {counts['open']:>5} {counts['lost']:>5}"
            f"   {_pair(waits['calm']):>14} {_pair(waits['storm']):>16}"
        )
    totals = " ".join(
        f"{verdict.total(place):>{width}}"
        for place, width in (("indexed", 8), ("waiting", 8), ("dead", 6), ("open", 5), ("lost", 5))
    )
    console.line(f"  {'all':<12} {verdict.accepted:>9} {totals}   (p50 / p99 in seconds)")
    console.heading("Load, faults and kills")
    for name, value in outcome.figures.items():
        if isinstance(value, dict):
            value = (
                ", ".join(f"{count} {each}" for each, count in sorted(value.items(), key=lambda kv: -kv[1])) or "none"
            )
        console.line(f"  {name:<40} {value}")
    for title, wrong in _problems(outcome).items():
        if wrong:
            console.heading(console.paint(title, "red", "bold"))
            for line in wrong[:_SHOWN]:
                console.line(f"  {line}")
            if len(wrong) > _SHOWN:
                console.line(f"  … and {len(wrong) - _SHOWN} more, in report.json")
    if left := outcome.final.left:
        console.heading(console.paint("The stack did not become idle", "red", "bold"))
        console.line(f"  {left} jobs could still make progress, so a lost job may only be late; see report.json")
    console.line()
    summary = f"lost {len(verdict.lost)}, crossed {len(verdict.crossed)}, duplicates {len(verdict.duplicates)}"
    console.line(console.paint(summary, "green" if verdict.good else "red", "bold"))
    console.line(f'  Repeat this plan: make chaos ARGS="{outcome.plan.options}"')
    console.line(f"  {folder.relative_to(ROOT)}/index.html")


def _problems(outcome: Outcome) -> dict[str, tuple[str, ...]]:
    verdict = outcome.verdict
    return {
        "Lost": verdict.lost,
        "Crossed": verdict.crossed,
        "Duplicates": verdict.duplicates,
        "Forgotten: jobs without a backlog entry": verdict.forgotten,
        "Still open": verdict.unsettled,
        "Checks that could not fail": verdict.unproven,
    }


def _pair(figures: dict[str, Any]) -> str:
    return f"{figures['p50']:.1f} / {figures['p99']:.1f}" if figures["count"] else "-"
