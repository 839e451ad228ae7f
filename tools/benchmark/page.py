"""Draws the result as a self-contained page: one chart per set-up with each healthy job's wait."""

from __future__ import annotations

from html import escape

from . import table
from .load import Load
from .measure import Phase, Result

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 720, 150, 44, 22, 8
_GAP = 0.03
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --dim: #667085; --rule: #d8dde6; --paper: #fff;
  --quiet: #1d7874; --storm: #c2410c; --shade: #fdf0e6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --dim: #98a2b3; --rule: #344054;
  --paper: #12161d; --quiet: #5bc4bd; --storm: #fb923c; --shade: #2a1d14; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 780px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin: 1.6rem 0 .3rem; }
p, figcaption { color: var(--dim); } figure { margin: 0; }
svg { width: 100%; height: auto; display: block; }
svg text { font-size: 11px; fill: var(--dim); }
.axis { stroke: var(--rule); } .shade { fill: var(--shade); }
.quiet { fill: var(--quiet); } .storm { fill: var(--storm); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; white-space: nowrap; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--rule); text-align: right; }
th:first-child, td:first-child { text-align: left; }
"""


def html(measured: dict[str, list[Phase]], results: dict[str, Result], load: Load) -> str:
    """Returns the page."""
    highest = max((_multiple(wait, load) for phases in measured.values() for _, wait in _waits(phases)), default=1.0)
    charts = "".join(
        f"<h2>{escape(title)}</h2><figure>{_chart(phases, load, highest)}<figcaption>p50 {results[title].wait.p50:.2f}×, "
        f"p99 {results[title].wait.p99:.2f}× of the wait without the storm</figcaption></figure>"
        for title, phases in measured.items()
    )
    head, *body = table.cells(results)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in body)
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Cost of a storm for other tenants</title><style>{_STYLE}</style>"
        "<h1>Cost of a storm for other tenants</h1>"
        f"<p>{load.healthy} healthy tenants use {load.healthy_share:.0%} of {load.workers} workers. In the shaded "
        f"phases other tenants upload much more than one of them; their attempts take {load.storm_seconds:.0f} s. Each dot is a healthy tenant's document: when it was uploaded, and how "
        f"long it took to become ready, as a multiple of a job's duration.</p>{charts}"
        f"<h2>Figures</h2><div class=scroll><table><tr>{heads}</tr>{rows}</table></div>"
        f"<p>{escape(' '.join(table.LEGEND))}</p></html>\n"
    )


def _waits(phases: list[Phase]) -> list[tuple[Phase, float]]:
    return [(phase, job.wait) for phase in phases for job in phase.healthy if job.wait is not None]


def _multiple(wait: float, load: Load) -> float:
    return wait / load.service_seconds


def _chart(phases: list[Phase], load: Load, highest: float) -> str:
    """Draws the phases side by side, in proportion to their duration."""
    lasted = sum(phase.end - phase.start for phase in phases)
    gap = _GAP * lasted
    scale = (_WIDTH - _LEFT) / (lasted + gap * (len(phases) - 1))
    bottom, tall = _HEIGHT - _BOTTOM, _HEIGHT - _BOTTOM - _TOP
    parts = []
    for level in _levels(highest):
        y = bottom - level / highest * tall
        parts.append(f"<line class=axis x1={_LEFT} x2={_WIDTH} y1={y:.1f} y2={y:.1f} />")
        parts.append(f"<text x={_LEFT - 6} y={y + 4:.1f} text-anchor=end>{level:g}×</text>")
    x = float(_LEFT)
    for phase in phases:
        wide, name = (phase.end - phase.start) * scale, "storm" if phase.storm else "quiet"
        if phase.storm:
            parts.append(f"<rect class=shade x={x:.1f} y={_TOP} width={wide:.1f} height={tall} />")
        parts.append(f"<text x={x + wide / 2:.1f} y={_HEIGHT - 6} text-anchor=middle>{name}</text>")
        for job in phase.healthy:
            if job.wait is not None:
                at = x + (job.stored - phase.start) * scale
                y = bottom - _multiple(job.wait, load) / highest * tall
                parts.append(f"<circle class={name} cx={at:.1f} cy={y:.1f} r=3 />")
        x += wide + gap * scale
    # Shades first, so that dots are drawn over them.
    parts.sort(key=lambda part: not part.startswith("<rect"))
    return f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role=img aria-label='waits over time'>{''.join(parts)}</svg>"


def _levels(highest: float) -> list[float]:
    step = next(step for step in (0.5, 1, 2, 5, 10, 20, 50, 100) if highest / step <= 5)
    return [step * number for number in range(int(highest / step) + 1)]
