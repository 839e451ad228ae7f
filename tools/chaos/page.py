"""Draws the run as one self-contained page with SVG plots, for light and dark mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

_WIDTH, _LEFT, _RIGHT = 960, 64, 14
_PLOT = _WIDTH - _LEFT - _RIGHT
_COLOURS = ("var(--h1)", "var(--h2)", "var(--h3)", "var(--h4)", "var(--h5)", "var(--storm)")
_KINDS = ("var(--h1)", "var(--storm)", "var(--h4)", "var(--h3)", "var(--h2)", "var(--half)", "var(--h5)")
_Sample = dict[str, Any]
_STYLE = """
:root { color-scheme: light dark; --ink:#1c2430; --soft:#5c6878; --line:#d9dee6; --paper:#fff; --panel:#f6f8fa;
 --storm:#c2410c; --h1:#1d4ed8; --h2:#0e7490; --h3:#15803d; --h4:#6d28d9; --h5:#64748b;
 --good:#15803d; --bad:#b91c1c; --closed:#bbe3c6; --open:#e2725b; --half:#f2c14e; --fault:#8b5cf6; }
@media (prefers-color-scheme: dark) { :root { --ink:#e6eaf0; --soft:#9aa7b8; --line:#2c3644; --paper:#0f141b;
 --panel:#171e28; --storm:#fb923c; --h1:#60a5fa; --h2:#22d3ee; --h3:#4ade80; --h4:#a78bfa; --h5:#94a3b8;
 --good:#4ade80; --bad:#f87171; --closed:#1f4d33; --open:#c2513a; --half:#b58a1f; --fault:#a78bfa; } }
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
    """The time axis of all plots, from the start to the end of the drain."""

    end: float

    def x(self, at: float) -> float:
        return _LEFT + _PLOT * min(max(at, 0.0), self.end) / self.end

    def ticks(self) -> list[float]:
        step = _step(self.end, 8)
        return [step * each for each in range(int(self.end / step) + 1)]


def render(report: dict[str, Any]) -> str:
    """Returns the page."""
    time = Time(max(1.0, report["drained_at"]))
    samples, all_ = report["samples"], len(report["tenants"])
    storm = all_ - 1

    def line(name: str, colour: str, of: Callable[[_Sample], float], **more: bool) -> Line:
        return Line(name, f"var(--{colour})", _series(samples, of), **more)

    unfinished = _lines(
        time,
        report,
        "jobs",
        line("unfinished, storming tenant", "storm", _unfinished(storm, all_), filled=True),
        line("unfinished, all healthy tenants", "h1", _unfinished(0, storm)),
        line("messages on the queue", "h5", lambda each: each["visible"] + each["in_flight"], dashed=True),
    )
    ages = _lines(
        time,
        report,
        "s",
        line("storming tenant", "storm", lambda each: each["tenants"][storm]["oldest"]),
        line(
            "all healthy tenants",
            "h1",
            lambda each: max(tenant["oldest"] for tenant in each["tenants"][:storm]),
            filled=True,
        ),
    )
    not_running = _lines(
        time,
        report,
        "jobs",
        line("waiting, storming tenant", "storm", _sum("waiting", storm, all_), filled=True),
        line("waiting, healthy tenants", "h1", _sum("waiting", 0, storm)),
        line("dead, storming tenant", "bad", _sum("dead", storm, all_), dashed=True),
        line("dead, healthy tenants", "h2", _sum("dead", 0, storm), dashed=True),
    )
    plots = {
        ("Unfinished jobs", "Jobs that are queued, running or waiting, and messages on the queue."): unfinished,
        (
            "Age of the oldest unfinished job",
            "Time since it was accepted. A healthy tenant must not wait for the storming tenant.",
        ): ages,
        (
            "From accepted to ready",
            "Ready documents only. Bar: p50, line: p99, grey: before the storm.",
        ): _waits(report),
        ("Circuits", "The circuit of each tenant, as stored in its partition."): _circuits(time, report),
        (
            "Waiting and dead jobs",
            "A waiting job has a due time; a dead job has a reason that its tenant can read.",
        ): not_running,
        (
            "Faults and kills",
            "Faulty calls to AWS per second, active fault rules, and killed processes.",
        ): _faults(time, report),
    }
    sections = [_section(title, words, plot) for (title, words), plot in plots.items()]
    body = [_head(report), _jobs(report), *sections, _figures(report), _problems(report)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Chaos, seed {report["seed"]}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body>{''.join(body)}</body></html>\n"
    )


# ── words ───────────────────────────────────────────────────────────────────


def _head(report: dict[str, Any]) -> str:
    verdict, storm = report["verdict"], report["storm"]
    counts = f"lost {len(verdict['lost'])}, crossed {len(verdict['crossed'])}, duplicates {len(verdict['duplicates'])}"
    repaired = "the cause was repaired at the end of the plan" if storm["repaired"] else "the cause was never repaired"
    return (
        f"<h1>Chaos run</h1>"
        f"<p>Seed {report['seed']}: {verdict['accepted']} accepted jobs of {len(report['tenants'])} tenants. One tenant uploads "
        f"ten times as many documents as each healthy tenant. From second {storm['at']:.0f} all of its jobs fail after "
        f"{storm['milliseconds']} ms per passage; {repaired}. The plan took {report['over']:.0f} s, "
        f"the drain {report['drained_at'] - report['over']:.0f} s.</p>"
        f'<div class="verdict {"good" if verdict["good"] else "bad"}">{counts}</div>'
    )


def _jobs(report: dict[str, Any]) -> str:
    columns = ("indexed", "waiting", "dead", "open", "lost")
    rows = []
    for waits in report["waits"]:
        tenant = waits["tenant"]
        counts = report["verdict"]["locations"].get(tenant, {})
        cells = [sum(counts.values()), *(counts.get(each, 0) for each in columns)]
        shown = "".join(f"<td{'' if cell else ' class=zero'}>{cell}</td>" for cell in cells)
        pairs = "".join(f"<td>{_pair(waits[day])}</td>" for day in ("calm", "storm"))
        storms = ' class="storm"' if tenant == report["tenants"][-1] else ""
        rows.append(f"<tr{storms}><td>{escape(tenant)}</td>{shown}{pairs}</tr>")
    heads = "".join(
        f"<th>{each}</th>" for each in ("tenant", "accepted", *columns, "wait p50 / p99, calm", "wait p50 / p99, storm")
    )
    return f'<div class="wide"><table><tr>{heads}</tr>{"".join(rows)}</table></div>'


def _pair(figures: dict[str, Any]) -> str:
    return f"{figures['p50']:.1f} / {figures['p99']:.1f} s" if figures["count"] else "–"


def _figures(report: dict[str, Any]) -> str:
    rows = []
    for name, value in report["figures"].items():
        if isinstance(value, dict):
            value = (
                ", ".join(f"{count} {each}" for each, count in sorted(value.items(), key=lambda kv: -kv[1])) or "none"
            )
        rows.append(f'<tr><td>{escape(name)}</td><td style="white-space:normal">{escape(str(value))}</td></tr>')
    return f'<h2>Figures</h2><div class="wide"><table>{"".join(rows)}</table></div>'


def _problems(report: dict[str, Any]) -> str:
    found = []
    for name in ("lost", "crossed", "duplicates", "forgotten", "unsettled", "unproven"):
        if lines := report["verdict"].get(name):
            entries = "".join(f"<li>{escape(line)}</li>" for line in lines[:200])
            found.append(f'<h2 class="bad">{name} ({len(lines)})</h2><ul>{entries}</ul>')
    return "".join(found)


def _section(title: str, words: str, plot: str) -> str:
    return f"<h2>{escape(title)}</h2><p>{escape(words)}</p>{plot}"


def _key(entries: Sequence[tuple[str, str]]) -> str:
    shown = "".join(f'<span><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in entries)
    return f'<div class="key">{shown}</div>'


# ── marks ───────────────────────────────────────────────────────────────────


def _rect(x: float, y: float, width: float, height: float, fill: str, more: str = "", title: str = "") -> str:
    tooltip = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{height:.1f}" '
        f'fill="{fill}"{more}>{tooltip}</rect>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float, stroke: str = "var(--line)", more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"{more}/>'


def _text(x: float, y: float, words: str, anchor: str = "start", *, name: bool = False) -> str:
    kind = ' class="name"' if name else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def _svg(height: float, drawn: Sequence[str]) -> str:
    box = f'viewBox="0 0 {_WIDTH} {height:.0f}"'
    return f'<svg {box} role="img" xmlns="http://www.w3.org/2000/svg">{"".join(drawn)}</svg>'


# ── plots ───────────────────────────────────────────────────────────────────


def _series(samples: Sequence[_Sample], of: Callable[[_Sample], float]) -> list[tuple[float, float]]:
    return [(each["at"], float(of(each))) for each in samples]


def _sum(of: str, first: int, last: int) -> Callable[[_Sample], float]:
    """Returns a function that adds up a count over some tenants."""
    return lambda sample: sum(tenant[of] for tenant in sample["tenants"][first:last])


def _unfinished(first: int, last: int) -> Callable[[_Sample], float]:
    return lambda sample: sum(tenant["open"] + tenant["waiting"] for tenant in sample["tenants"][first:last])


def _lines(time: Time, report: dict[str, Any], unit: str, *lines: Line) -> str:
    height, top, bottom = 210, 12, 26
    highest = max((value for line in lines for _, value in line.points), default=0) or 1.0
    step = _step(highest, 4)
    # Room for the labels at the top.
    ceiling = step * (highest // step + 1)

    def y(value: float) -> float:
        return height - bottom - (height - top - bottom) * value / ceiling

    drawn = [_marks(time, report, top, height - bottom)]
    for tick in range(int(ceiling / step) + 1):
        at = y(tick * step)
        drawn.append(_rule(_LEFT, at, _WIDTH - _RIGHT, at))
        drawn.append(_text(_LEFT - 8, at + 4, f"{tick * step:g}{f' {unit}' if tick else ''}", "end"))
    for line in lines:
        path = " ".join(f"{time.x(at):.1f},{y(value):.1f}" for at, value in line.points)
        if line.filled and line.points:
            first, last = (f"{time.x(line.points[end][0]):.1f},{y(0):.1f}" for end in (0, -1))
            drawn.append(f'<polygon points="{first} {path} {last}" fill="{line.colour}" opacity="0.15"/>')
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        drawn.append(
            f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="1.8" '
            f'stroke-linejoin="round"{dash}/>'
        )
    drawn.append(_axis(time, height))
    return _svg(height, drawn) + _key([(line.name, line.colour) for line in lines])


def _marks(time: Time, report: dict[str, Any], top: float, bottom: float, *, named: bool = True) -> str:
    """Draws the start of the storm and the end of the plan."""
    drawn = []
    for at, name in ((report["storm"]["at"], "storm starts"), (report["over"], "plan ends")):
        x = time.x(at)
        drawn.append(_rule(x, top, x, bottom, "var(--soft)", ' stroke-dasharray="2 3"'))
        if named:
            drawn.append(_text(x + 4, top + 10, name))
    return "".join(drawn)


def _axis(time: Time, height: float) -> str:
    return "".join(_text(time.x(tick), height - 8, _clock(tick), "middle") for tick in time.ticks())


def _waits(report: dict[str, Any]) -> str:
    waits = report["waits"]
    row, top, bottom, left = 34, 8, 24, 100
    height = top + bottom + row * len(waits)
    # Without the storming tenant, whose waits would hide the others.
    highest = max([each[day]["p99"] or 0 for each in waits[:-1] for day in ("calm", "storm")], default=0) * 1.15 or 1.0
    step = _step(highest, 6)
    width = _WIDTH - left - _RIGHT - 120

    def x(value: float) -> float:
        return left + width * min(value, highest) / highest

    drawn = []
    for tick in range(int(highest / step) + 1):
        at = x(tick * step)
        drawn.append(_rule(at, top, at, height - bottom))
        drawn.append(_text(at, height - 8, f"{tick * step:g} s", "middle"))
    for number, each in enumerate(waits):
        y = top + row * number
        drawn.append(_text(left - 10, y + 21, each["tenant"], "end", name=True))
        for day, colour, down, thick in (("storm", _COLOURS[number], 6, 13), ("calm", "var(--soft)", 22, 4)):
            if each[day]["count"]:
                p50, p99, middle = x(each[day]["p50"]), x(each[day]["p99"]), y + down + thick / 2
                bold = ' stroke-width="2"'
                drawn.append(_rect(left, y + down, p50 - left, thick, colour, ' opacity="0.85"'))
                drawn.append(_rule(p50, middle, p99, middle, colour, bold))
                drawn.append(_rule(p99, middle - thick / 2, p99, middle + thick / 2, colour, bold))
        if each["storm"]["count"]:
            beyond = " ►" if each["storm"]["p99"] > highest else ""
            drawn.append(_text(_WIDTH - _RIGHT, y + 21, _pair(each["storm"]) + beyond, "end"))
    return _svg(height, drawn)


def _circuits(time: Time, report: dict[str, Any]) -> str:
    row, top, bottom = 24, 8, 26
    tenants, samples = report["tenants"], report["samples"]
    height = top + bottom + row * len(tenants)
    colours = {"closed": "var(--closed)", "open": "var(--open)", "half_open": "var(--half)"}
    drawn = []
    for number, tenant in enumerate(tenants):
        y = top + row * number
        for state, first, last in _bands(samples, number, time.end):
            wide = max(0.8, time.x(last) - time.x(first))
            drawn.append(_rect(time.x(first), y + 2, wide, row - 5, colours[state], title=f"{tenant}: {state}"))
        drawn.append(_text(_LEFT - 4, y + 16, tenant if len(tenant) <= 9 else f"{tenant[:8]}.", "end", name=True))
    drawn.append(_marks(time, report, top, height - bottom, named=False))
    drawn.append(_axis(time, height))
    names = {"closed": "closed", "open": "open", "half_open": "half-open: one probe"}
    return _svg(height, drawn) + _key([(names[state], colour) for state, colour in colours.items()])


def _bands(samples: Sequence[_Sample], tenant: int, end: float) -> list[tuple[str, float, float]]:
    """Returns the states of a tenant's circuit with start and end."""
    found: list[tuple[str, float, float]] = []
    for sample in samples:
        state, at = sample["tenants"][tenant]["circuit"], sample["at"]
        if found and found[-1][0] == state:
            continue
        if found:
            found[-1] = (found[-1][0], found[-1][1], at)
        found.append((state, at if found else 0.0, end))
    return found


def _faults(time: Time, report: dict[str, Any]) -> str:
    samples, fault_windows, kills = report["samples"], report["fault_windows"], report["kills"]
    kinds = sorted({kind for each in samples for kind in each["faults"]})
    colours = dict(zip(kinds, _KINDS, strict=False))
    top, chart, bottom, lane, line = 8, 120, 26, 11, 18
    lanes = _stack(fault_windows)
    kills_at = top + chart + 12 + lane * (max(lanes, default=0) + 1)
    functions = sorted({function for _, function in kills})
    height = kills_at + line * len(functions) + bottom
    rates = _rates(samples, kinds)
    highest = max((sum(rate.values()) for _, _, rate in rates), default=0) or 1.0
    drawn = [_text(_LEFT - 8, top + 10, f"{highest:.0f} /s", "end")]
    for first, last, rate in rates:
        y = float(top + chart)
        for kind in kinds:
            tall = chart * rate[kind] / highest
            y -= tall
            if tall > 0:
                drawn.append(_rect(time.x(first), y, max(0.8, time.x(last) - time.x(first) - 0.4), tall, colours[kind]))
    drawn.append(_rule(_LEFT, top + chart, _WIDTH - _RIGHT, top + chart))
    for window, at_lane in zip(fault_windows, lanes, strict=True):
        x, y = time.x(window["at"]), top + chart + 8 + lane * at_lane
        wide = max(2.0, time.x(window["at"] + window["seconds"]) - x)
        more = f' rx="2" opacity="{0.35 + 0.65 * window["probability"]:.2f}"'
        title = f"{window['name']}, {window['probability']:.0%} of the calls"
        drawn.append(_rect(x, y, wide, lane - 3, "var(--fault)", more, title))
    for number, function in enumerate(functions):
        y = kills_at + line * number
        drawn.append(_text(_LEFT - 4, y + 12, function, "end", name=True))
        drawn += [
            _cross(time.x(at), y + 8, f"{function} killed, {_clock(at)}") for at, killed in kills if killed == function
        ]
    drawn.append(_axis(time, height))
    key = [
        *colours.items(),
        ("fault rule (darker: more calls)", "var(--fault)"),
        ("killed process", "var(--bad)"),
    ]
    return _svg(height, drawn) + _key(key)


def _cross(x: float, y: float, title: str) -> str:
    return (
        f'<path d="M{x - 3:.1f},{y - 4:.1f} l6,8 m0,-8 l-6,8" stroke="var(--bad)" stroke-width="1.6">'
        f"<title>{escape(title)}</title></path>"
    )


def _rates(samples: Sequence[_Sample], kinds: Sequence[str]) -> list[tuple[float, float, dict[str, float]]]:
    """Returns the faults per second between two samples."""
    found = []
    for before, after in pairwise(samples):
        seconds = max(0.1, after["at"] - before["at"])
        more = {kind: after["faults"].get(kind, 0) - before["faults"].get(kind, 0) for kind in kinds}
        found.append((before["at"], after["at"], {kind: max(0, count) / seconds for kind, count in more.items()}))
    return found


def _stack(fault_windows: Sequence[dict[str, Any]]) -> list[int]:
    """Assigns each fault window a lane without overlap."""
    ends: list[float] = []
    found = []
    for each in fault_windows:
        lane = next((number for number, end in enumerate(ends) if end <= each["at"]), len(ends))
        if lane == len(ends):
            ends.append(0.0)
        ends[lane] = each["at"] + each["seconds"]
        found.append(lane)
    return found


def _step(highest: float, parts: int) -> float:
    """Returns a round number that divides `highest` into about `parts` parts."""
    rough = highest / parts
    unit = 1.0
    while unit * 10 <= rough:
        unit *= 10
    while unit > rough:
        unit /= 10
    return next(unit * each for each in (1, 2, 5, 10) if unit * each >= rough)


def _clock(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{int(seconds) // 60}:{int(seconds) % 60:02}"
