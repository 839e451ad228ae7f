"""The run as one page: plots drawn here as SVG, nothing fetched from anywhere, readable by day and by night."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

_WIDTH, _LEFT, _RIGHT = 960, 64, 14
_PLOT = _WIDTH - _LEFT - _RIGHT
_TENANT_COLOURS = ("var(--h1)", "var(--h2)", "var(--h3)", "var(--h4)", "var(--h5)", "var(--storm)")
_STYLE = """
:root { color-scheme: light dark; --ink:#1c2430; --soft:#5c6878; --line:#d9dee6; --paper:#fff; --panel:#f6f8fa;
 --storm:#c2410c; --h1:#1d4ed8; --h2:#0e7490; --h3:#15803d; --h4:#6d28d9; --h5:#64748b;
 --good:#15803d; --bad:#b91c1c; --closed:#bbe3c6; --open:#e2725b; --half:#f2c14e; --trouble:#8b5cf6; }
@media (prefers-color-scheme: dark) { :root { --ink:#e6eaf0; --soft:#9aa7b8; --line:#2c3644; --paper:#0f141b;
 --panel:#171e28; --storm:#fb923c; --h1:#60a5fa; --h2:#22d3ee; --h3:#4ade80; --h4:#a78bfa; --h5:#94a3b8;
 --good:#4ade80; --bad:#f87171; --closed:#1f4d33; --open:#c2513a; --half:#b58a1f; --trouble:#a78bfa; } }
* { box-sizing: border-box } body { margin: 0 auto; padding: 28px 20px 60px; max-width: 1040px; color: var(--ink);
 background: var(--paper); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 24px; margin: 0 0 4px } h2 { font-size: 16px; margin: 34px 0 2px } p { margin: 2px 0 8px; color: var(--soft) }
.verdict { display: inline-block; margin: 12px 0; padding: 8px 14px; border-radius: 6px; border: 2px solid; font-size: 19px; font-weight: 650 }
.good { color: var(--good) } .bad { color: var(--bad) }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left } th { color: var(--soft); font-weight: 500 }
tr.storm td:first-child { color: var(--storm); font-weight: 600 } td.zero { color: var(--soft) }
svg { display: block; width: 100%; height: auto; background: var(--panel); border-radius: 6px }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft) } svg .name { fill: var(--ink) }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 6px 0; font-size: 13px; color: var(--soft) }
.key i { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; vertical-align: -1px }
ul { margin: 4px 0; padding-left: 20px } li { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
"""


@dataclass(frozen=True)
class Line:
    """A series over time."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False
    filled: bool = False


@dataclass(frozen=True)
class Time:
    """The axis all plots share: from the start to the end of settling."""

    end: float

    def x(self, at: float) -> float:
        return _LEFT + _PLOT * min(max(at, 0.0), self.end) / self.end

    def ticks(self) -> list[float]:
        step = _step(self.end, 8)
        return [step * each for each in range(int(self.end / step) + 1)]


def render(report: dict[str, Any]) -> str:
    """The whole page."""
    time = Time(max(1.0, report["settled_at"]))
    samples, tenants = report["samples"], report["tenants"]
    storm = len(tenants) - 1
    body = [
        _head(report),
        _jobs(report),
        _section(
            "What was unfinished",
            "Jobs in the tenants' partitions (queued, running or waiting), and messages on the queue.",
            _lines(time, report, [
                Line("unfinished, storming tenant", "var(--storm)", _series(samples, lambda s: _unfinished(s, storm)), filled=True),
                Line("unfinished, all healthy tenants", "var(--h1)", _series(samples, lambda s: sum(_unfinished(s, n) for n in range(storm)))),
                Line("messages on the queue", "var(--h5)", _series(samples, lambda s: s["waiting"] + s["in_flight"]), dashed=True),
            ], "jobs"),
        ),
        _section(
            "Age of the oldest unfinished job",
            "Seconds since it was accepted. The storming tenant's waits aside; the others' must not grow with it.",
            _lines(time, report, [
                Line("storming tenant", "var(--storm)", _series(samples, lambda s: s["looks"][storm]["oldest"])),
                Line("oldest of all healthy tenants", "var(--h1)", _series(samples, lambda s: max(each["oldest"] for each in s["looks"][:storm])), filled=True),
            ], "s"),
        ),
        _section("From accepted to ready", "Seconds, for documents that became ready. Bar: p50, line: p99; grey: on the calm day before.", _waits(report)),
        _section("Circuits", "Of the tenants' jobs, as each is stored in its own partition.", _circuits(time, report)),
        _section(
            "Put aside, and given up",
            "Items of the partitions. Given up with a reason that its tenant is told; put aside until its time comes.",
            _lines(time, report, [
                Line("put aside, storming tenant", "var(--storm)", _series(samples, lambda s: s["looks"][storm]["parked"]), filled=True),
                Line("put aside, healthy tenants", "var(--h1)", _series(samples, lambda s: sum(each["parked"] for each in s["looks"][:storm]))),
                Line("given up, storming tenant", "var(--bad)", _series(samples, lambda s: s["looks"][storm]["dead"]), dashed=True),
                Line("given up, healthy tenants", "var(--h2)", _series(samples, lambda s: sum(each["dead"] for each in s["looks"][:storm])), dashed=True),
            ], "jobs"),
        ),
        _section("What was done to it", "Calls to AWS that faults happened to, each second; below, what was in force, and each process that was killed.", _faults(time, report)),
        _figures(report),
        _wrongs(report),
    ]  # fmt: skip
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Chaos, seed {report["seed"]}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body>{''.join(body)}</body></html>\n"
    )


# ── words ───────────────────────────────────────────────────────────────────


def _head(report: dict[str, Any]) -> str:
    verdict, storm = report["verdict"], report["storm"]
    counts = f"lost {len(verdict['lost'])}, crossed {len(verdict['crossed'])}, duplicates {len(verdict['duplicates'])}"
    repaired = "the cause was repaired when the plan was over" if storm["repaired"] else "the cause was never repaired"
    return (
        f"<h1>The product on its worst day</h1>"
        f"<p>Seed {report['seed']}: {verdict['accepted']} accepted jobs of {len(report['tenants'])} tenants, one of which hands in "
        f"ten times as many as each other and fails on all of them after {storm['milliseconds']} ms from second {storm['at']:.0f} on; "
        f"{repaired}. The plan took {report['over']:.0f} s, settling {report['settled_at'] - report['over']:.0f} s more.</p>"
        f'<div class="verdict {"good" if verdict["good"] else "bad"}">{counts}</div>'
    )


def _jobs(report: dict[str, Any]) -> str:
    columns = ("indexed", "parked", "dead", "open", "lost")
    rows = []
    for waits in report["waits"]:
        tenant = waits["tenant"]
        counts = report["verdict"]["places"].get(tenant, {})
        cells = [sum(counts.values()), *(counts.get(each, 0) for each in columns)]
        shown = "".join(f'<td{"" if cell else " class=zero"}>{cell}</td>' for cell in cells)
        pairs = "".join(f"<td>{_pair(waits[day])}</td>" for day in ("calm", "storm"))
        storms = ' class="storm"' if tenant == report["tenants"][-1] else ""
        rows.append(f"<tr{storms}><td>{escape(tenant)}</td>{shown}{pairs}</tr>")
    heads = "".join(f"<th>{each}</th>" for each in ("tenant", "accepted", *columns, "wait p50 / p99, calm", "in the storm"))
    return f'<div class="wide"><table><tr>{heads}</tr>{"".join(rows)}</table></div>'


def _pair(figures: dict[str, Any]) -> str:
    return f"{figures['p50']:.1f} / {figures['p99']:.1f} s" if figures["count"] else "–"


def _figures(report: dict[str, Any]) -> str:
    rows = []
    for name, value in report["figures"].items():
        if isinstance(value, dict):
            value = ", ".join(f"{count} {each}" for each, count in sorted(value.items(), key=lambda kv: -kv[1])) or "none"
        rows.append(f'<tr><td>{escape(name)}</td><td style="white-space:normal">{escape(str(value))}</td></tr>')
    return f'<h2>In figures</h2><div class="wide"><table>{"".join(rows)}</table></div>'


def _wrongs(report: dict[str, Any]) -> str:
    found = []
    for name in ("lost", "crossed", "duplicates", "unsettled", "unproven"):
        if lines := report["verdict"][name]:
            entries = "".join(f"<li>{escape(line)}</li>" for line in lines[:200])
            found.append(f'<h2 class="bad">{name} ({len(lines)})</h2><ul>{entries}</ul>')
    return "".join(found)


def _section(title: str, words: str, plot: str) -> str:
    return f"<h2>{escape(title)}</h2><p>{escape(words)}</p>{plot}"


def _key(entries: Sequence[tuple[str, str]]) -> str:
    shown = "".join(f'<span><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in entries)
    return f'<div class="key">{shown}</div>'


# ── plots ───────────────────────────────────────────────────────────────────


def _series(samples: Sequence[dict[str, Any]], of: Callable[[dict[str, Any]], float]) -> list[tuple[float, float]]:
    return [(each["at"], float(of(each))) for each in samples]


def _unfinished(sample: dict[str, Any], tenant: int) -> int:
    look = sample["looks"][tenant]
    return look["open"] + look["parked"]


def _lines(time: Time, report: dict[str, Any], lines: Sequence[Line], unit: str) -> str:
    height, top, bottom = 210, 12, 26
    most = max((value for line in lines for _, value in line.points), default=0) or 1.0
    step = _step(most, 4)
    ceiling = step * -(-most // step)

    def y(value: float) -> float:
        return height - bottom - (height - top - bottom) * value / ceiling

    drawn = [_marks(time, report, top, height - bottom)]
    for tick in range(int(ceiling / step) + 1):
        at = y(tick * step)
        drawn.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="var(--line)"/>')
        drawn.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{tick * step:g} {unit if tick else ""}</text>')
    for line in lines:
        path = " ".join(f"{time.x(at):.1f},{y(value):.1f}" for at, value in line.points)
        if line.filled and line.points:
            first, last = time.x(line.points[0][0]), time.x(line.points[-1][0])
            drawn.append(f'<polygon points="{first:.1f},{y(0):.1f} {path} {last:.1f},{y(0):.1f}" fill="{line.colour}" opacity="0.15"/>')
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="1.8" stroke-linejoin="round"{dash}/>')
    drawn.append(_axis(time, height))
    return _svg(height, drawn) + _key([(line.name, line.colour) for line in lines])


def _marks(time: Time, report: dict[str, Any], top: float, bottom: float, *, named: bool = True) -> str:
    """When the storm begins and the plan is over."""
    drawn = []
    for at, name in ((report["storm"]["at"], "storm begins"), (report["over"], "plan is over")):
        x = time.x(at)
        drawn.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="var(--soft)" stroke-dasharray="2 3"/>')
        if named:
            drawn.append(f'<text x="{x + 4:.1f}" y="{top + 10}">{name}</text>')
    return "".join(drawn)


def _axis(time: Time, height: float) -> str:
    return "".join(
        f'<text x="{time.x(tick):.1f}" y="{height - 8}" text-anchor="middle">{_clock(tick)}</text>' for tick in time.ticks()
    )


def _waits(report: dict[str, Any]) -> str:
    waits = report["waits"]
    row, top, bottom, left = 34, 8, 24, 100
    height = top + bottom + row * len(waits)
    # The storming tenant's would leave nothing to see of the others'.
    most = max([each[day]["p99"] or 0 for each in waits[:-1] for day in ("calm", "storm")], default=0) * 1.15 or 1.0
    step = _step(most, 6)
    width = _WIDTH - left - _RIGHT - 120

    def x(value: float) -> float:
        return left + width * min(value, most) / most

    drawn = []
    for tick in range(int(most / step) + 1):
        at = x(tick * step)
        drawn.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{height - bottom}" stroke="var(--line)"/>')
        drawn.append(f'<text x="{at:.1f}" y="{height - 8}" text-anchor="middle">{tick * step:g} s</text>')
    for number, each in enumerate(waits):
        y = top + row * number
        drawn.append(f'<text class="name" x="{left - 10}" y="{y + 21}" text-anchor="end">{escape(each["tenant"])}</text>')
        for day, colour, down, thick in (("storm", _TENANT_COLOURS[number], 6, 13), ("calm", "var(--soft)", 22, 4)):
            if not each[day]["count"]:
                continue
            p50, p99 = each[day]["p50"], each[day]["p99"]
            middle = y + down + thick / 2
            drawn.append(f'<rect x="{left}" y="{y + down}" width="{x(p50) - left:.1f}" height="{thick}" fill="{colour}" opacity="0.85"/>')
            drawn.append(f'<line x1="{x(p50):.1f}" x2="{x(p99):.1f}" y1="{middle}" y2="{middle}" stroke="{colour}" stroke-width="2"/>')
            drawn.append(f'<line x1="{x(p99):.1f}" x2="{x(p99):.1f}" y1="{middle - thick / 2}" y2="{middle + thick / 2}" stroke="{colour}" stroke-width="2"/>')
        if each["storm"]["count"]:
            beyond = " ►" if each["storm"]["p99"] > most else ""
            drawn.append(f'<text x="{_WIDTH - _RIGHT}" y="{y + 21}" text-anchor="end">{_pair(each["storm"])}{beyond}</text>')
    return _svg(height, drawn)


def _circuits(time: Time, report: dict[str, Any]) -> str:
    row, top, bottom, left = 24, 8, 26, _LEFT
    tenants, samples = report["tenants"], report["samples"]
    height = top + bottom + row * len(tenants)
    colours = {"closed": "var(--closed)", "open": "var(--open)", "half_open": "var(--half)"}
    drawn = []
    for number, tenant in enumerate(tenants):
        y = top + row * number
        for state, first, last in _bands(samples, number, time.end):
            width = max(0.8, time.x(last) - time.x(first))
            drawn.append(f'<rect x="{time.x(first):.1f}" y="{y + 2}" width="{width:.1f}" height="{row - 5}" fill="{colours[state]}"><title>{escape(tenant)}: {state}</title></rect>')
        drawn.append(f'<text class="name" x="{left - 4}" y="{y + 16}" text-anchor="end" font-size="11">{escape(_short(tenant))}</text>')
    drawn.append(_marks(time, report, top, height - bottom, named=False))
    drawn.append(_axis(time, height))
    return _svg(height, drawn) + _key([("closed", colours["closed"]), ("open", colours["open"]), ("half-open: one job tries", colours["half_open"])])


def _bands(samples: Sequence[dict[str, Any]], tenant: int, end: float) -> list[tuple[str, float, float]]:
    """Times of one state, each until the next was seen."""
    found: list[tuple[str, float, float]] = []
    for sample in samples:
        state, at = sample["looks"][tenant]["circuit"], sample["at"]
        if found and found[-1][0] == state:
            continue
        if found:
            found[-1] = (found[-1][0], found[-1][1], at)
        found.append((state, at if found else 0.0, end))
    return found


def _short(tenant: str) -> str:
    return tenant if len(tenant) <= 9 else tenant[:8] + "."


def _faults(time: Time, report: dict[str, Any]) -> str:
    samples = report["samples"]
    kinds = sorted({kind for each in samples for kind in each["faults"]})
    colours = dict(zip(kinds, ("var(--h1)", "var(--storm)", "var(--h4)", "var(--h3)", "var(--h2)", "var(--half)", "var(--h5)"), strict=False))
    top, chart, bottom, lane = 8, 120, 26, 11
    lanes = _stack(report["troubles"])
    kills_at = top + chart + 12 + lane * (max(lanes, default=0) + 1)
    functions = sorted({function for _, function in report["kills"]})
    height = kills_at + 18 * len(functions) + bottom
    rates = _rates(samples, kinds)
    most = max((sum(rate.values()) for _, _, rate in rates), default=0) or 1.0
    drawn = [f'<text x="{_LEFT - 8}" y="{top + 10}" text-anchor="end">{most:.0f} /s</text>']
    for first, last, rate in rates:
        y = float(top + chart)
        for kind in kinds:
            tall = chart * rate.get(kind, 0.0) / most
            y -= tall
            if tall > 0:
                drawn.append(f'<rect x="{time.x(first):.1f}" y="{y:.1f}" width="{max(0.8, time.x(last) - time.x(first) - 0.4):.1f}" height="{tall:.1f}" fill="{colours[kind]}"/>')
    drawn.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{top + chart}" y2="{top + chart}" stroke="var(--line)"/>')
    for trouble, at_lane in zip(report["troubles"], lanes, strict=True):
        x, y = time.x(trouble["at"]), top + chart + 8 + lane * at_lane
        wide = max(2.0, time.x(trouble["at"] + trouble["seconds"]) - x)
        drawn.append(
            f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{lane - 3}" rx="2" fill="var(--trouble)" opacity="{0.35 + 0.65 * trouble["probability"]:.2f}">'
            f'<title>{escape(trouble["name"])}, {trouble["probability"]:.0%} of the calls</title></rect>'
        )
    for number, function in enumerate(functions):
        y = kills_at + 18 * number
        drawn.append(f'<text class="name" x="{_LEFT - 4}" y="{y + 12}" text-anchor="end" font-size="11">{escape(function)}</text>')
        for at, killed in report["kills"]:
            if killed == function:
                x = time.x(at)
                drawn.append(f'<path d="M{x - 3:.1f},{y + 4} l6,8 m0,-8 l-6,8" stroke="var(--bad)" stroke-width="1.6"><title>{escape(function)} killed at {at:.0f} s</title></path>')
    drawn.append(_axis(time, height))
    key = [(kind, colours[kind]) for kind in kinds] + [("a rule in force (darker: more calls)", "var(--trouble)"), ("a process killed", "var(--bad)")]
    return _svg(height, drawn) + _key(key)


def _rates(samples: Sequence[dict[str, Any]], kinds: Sequence[str]) -> list[tuple[float, float, dict[str, float]]]:
    """Faults each second between two samples."""
    found = []
    for before, after in zip(samples, samples[1:], strict=False):
        seconds = max(0.1, after["at"] - before["at"])
        rate = {kind: max(0, after["faults"].get(kind, 0) - before["faults"].get(kind, 0)) / seconds for kind in kinds}
        found.append((before["at"], after["at"], rate))
    return found


def _stack(troubles: Sequence[dict[str, Any]]) -> list[int]:
    """A lane for each, so that none covers another."""
    ends: list[float] = []
    found = []
    for each in troubles:
        lane = next((number for number, end in enumerate(ends) if end <= each["at"]), len(ends))
        if lane == len(ends):
            ends.append(0.0)
        ends[lane] = each["at"] + each["seconds"]
        found.append(lane)
    return found


def _svg(height: float, drawn: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" xmlns="http://www.w3.org/2000/svg">{"".join(drawn)}</svg>'


def _step(most: float, parts: int) -> float:
    """A round number that divides `most` into about so many parts."""
    rough = most / parts
    unit = 1.0
    while unit * 10 <= rough:
        unit *= 10
    while unit > rough:
        unit /= 10
    return next(unit * each for each in (1, 2, 5, 10) if unit * each >= rough)


def _clock(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{int(seconds) // 60}:{int(seconds) % 60:02}"
