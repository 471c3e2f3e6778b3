"""Draws the dashboard of infra/observability.yaml in four drills: dashboard.py FOLDER"""

import functools
import html
import json
import pathlib
import re
import sys

import scenarios
import translated
from metrics import DAY, HOUR, evaluate, is_alarm

COLUMN, ROW, GAP = 60, 44, 5  # pixels; CloudWatch's grid has 24 columns
COLOURS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f"]
SEARCH = re.compile(
    r"SEARCH\('\{(\w+),function,(\w+)\} MetricName=\"(\w+)\" function=\"([^\"]+)\"( NOT code=\"ok\")?', '(\w+)', (\d+)\)"
)
RANGES = {"-PT6H": 6 * HOUR, "-P14D": DAY}  # a scenario has data for one of the 14 days


class Watched:
    """The alarms of a stack by name, and its dashboard."""

    def __init__(self, parameters):
        self.stack = translated.deployed(parameters)
        self.within = translated.observability(self.stack)
        self.alarms = self.stack.of_type("AWS::CloudWatch::Alarm") | self.within.of_type("AWS::CloudWatch::Alarm")
        self.body = json.loads(self.within.resources["Dashboard"]["Properties"]["DashboardBody"])


@functools.cache
def everything():
    return Watched(translated.EVERYTHING | {"EventsExpectedWithin": "6"})


def series(widget, metrics, now, start):
    """Returns the label, colour, axis and values of each line of a graph."""
    properties = widget["properties"]
    shown, values = [], {}
    length = RANGES[properties.get("start", start)]

    def read(namespace, name, dimensions, options):
        period = options.get("period", properties["period"])
        return metrics.values(namespace, name, dimensions, options["stat"], period, now - length, now)

    for metric in properties["metrics"]:
        options = metric[-1]
        if search := SEARCH.fullmatch(options.get("expression", "")):
            namespace, dimension, name, function, without, stat, period = search.groups()
            for found in sorted(metrics.dimensions(namespace, name, {"function": function}), key=lambda d: d.get(dimension, "")):
                if found.keys() == {"function", dimension} and not (without and found["code"] == "ok"):
                    shown.append((found[dimension], None, "left", read(namespace, name, found, {"stat": stat, "period": int(period)})))
            continue
        if "expression" in options:
            count = max(map(len, values.values()))
            line = [evaluate(options["expression"], {i: v[at] for i, v in values.items()}) for at in range(count)]
        else:
            line = read(metric[0], metric[1], dict(zip(metric[2:-1:2], metric[3:-1:2])), options)
        if "id" in options:
            values[options["id"]] = line
        if options.get("visible", True):
            shown.append((options["label"], options.get("color"), options.get("yAxis", "left"), line))
    return [(label, colour or COLOURS[i % len(COLOURS)], axis, line) for i, (label, colour, axis, line) in enumerate(shown)]


def number(value):
    if value >= 10_000:
        return f"{value / 1000:.0f}k"
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def box(widget):
    x, y = widget["x"] * COLUMN + GAP, widget["y"] * ROW + GAP
    width, height = widget["width"] * COLUMN - 2 * GAP, widget["height"] * ROW - 2 * GAP
    title = html.escape(widget["properties"]["title"])
    parts = [
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="#fff" stroke="#d5dbdb"/>',
        f'<text x="{x + 10}" y="{y + 20}" font-weight="bold" font-size="12">{title}</text>',
    ]
    return x, y, width, height, parts


def draw_alarms(widget, states):
    """Draws alarms as CloudWatch does: alarms in the state ALARM are red, and come first because of sortBy."""
    x, y, width, _, parts = box(widget)
    names = [arn.strip("<>").removesuffix(".Arn") for arn in widget["properties"]["alarms"]]
    for i, name in enumerate(sorted(names, key=lambda n: (not states[n], n))):
        left, top = x + 10 + i % 7 * ((width - 20) // 7), y + 32 + i // 7 * 44
        fill, text = ("#d13212", "#fff") if states[name] else ("#f2f8f0", "#1d8102")
        parts.append(f'<rect x="{left}" y="{top}" width="{(width - 20) // 7 - 8}" height="36" fill="{fill}" stroke="#d5dbdb"/>')
        parts.append(f'<text x="{left + 8}" y="{top + 16}" fill="{text}" font-weight="bold">{name}</text>')
        parts.append(f'<text x="{left + 8}" y="{top + 30}" fill="{text}">{"In alarm" if states[name] else "OK"}</text>')
    return "\n".join(parts)


def draw(widget, lines):
    x, y, width, height, parts = box(widget)
    left, top, right = x + 42, y + 34, x + width - 34
    rows = legend_rows([label for label, *_ in lines], width)
    bottom = y + height - 12 - 15 * len(rows)
    if stacked := widget["properties"]["stacked"]:
        total = [0] * max((len(values) for *_, values in lines), default=0)
        for at, (label, colour, axis, values) in enumerate(lines):
            total = [t + (v or 0) for t, v in zip(total, values)]
            lines[at] = (label, colour, axis, total)
    marks = widget["properties"].get("annotations", {}).get("horizontal", [])
    axes = widget["properties"]["yAxis"]
    highest = {
        side: axes.get(side, {}).get("max") or 1.15 * max(
            [v for _, _, axis, values in lines if axis == side for v in values if v is not None]
            + [float(m["value"]) for m in marks if side == "left"], default=1,
        ) or 1
        for side in ("left", "right")
    }  # fmt: skip
    height_of = lambda v, axis: bottom - (bottom - top) * min(v / highest[axis], 1)
    for share in (0, 0.5, 1):
        level = bottom - (bottom - top) * share
        parts.append(f'<path d="M{left} {level}H{right}" stroke="#eaeded"/>')
        parts.append(f'<text x="{left - 5}" y="{level + 4}" text-anchor="end" fill="#687078">{number(highest["left"] * share)}</text>')
        if any(axis == "right" for _, _, axis, _ in lines):
            parts.append(f'<text x="{right + 5}" y="{level + 4}" fill="#687078">{number(highest["right"] * share)}</text>')
    for _, colour, axis, values in reversed(lines):
        at = lambda i: left + (right - left) * (i + 0.5) / len(values)
        points = [(at(i), height_of(v, axis)) for i, v in enumerate(values) if v is not None]
        text = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        if stacked and points:
            parts.append(f'<polygon points="{points[0][0]:.1f},{bottom} {text} {points[-1][0]:.1f},{bottom}" fill="{colour}"/>')
            continue
        parts.append(f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lone = [p for i, p in enumerate(points) if all(abs(p[0] - q[0]) > 1.5 * (right - left) / len(values) for q in points if q is not p)]
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="{colour}"/>' for a, b in lone]
    for mark in marks:
        level = height_of(float(mark["value"]), "left")
        parts.append(f'<path d="M{left} {level:.1f}H{right}" stroke="{mark["color"]}" stroke-dasharray="5 3"/>')
        parts.append(f'<text x="{left + 4}" y="{level - 4:.1f}" fill="{mark["color"]}">{html.escape(mark["label"])}</text>')
    colours = {label: colour for label, colour, *_ in lines}
    for i, row in enumerate(rows):
        level, cursor = bottom + 18 + 15 * i, x + 12
        for label in row:
            parts.append(f'<rect x="{cursor}" y="{level - 8}" width="9" height="9" fill="{colours[label]}"/>')
            parts.append(f'<text x="{cursor + 13}" y="{level}">{html.escape(label)}</text>')
            cursor += space(label)
    return "\n".join(parts)


def space(label):
    return 30 + 6.4 * len(label)


def legend_rows(labels, width):
    rows, used = [[]], 12
    for label in labels:
        if rows[-1] and used + space(label) > width:
            rows.append([])
            used = 12
        rows[-1].append(label)
        used += space(label)
    return rows


def svg(metrics, now):
    watched = everything()
    whole = watched.body
    states = {name: is_alarm(alarm, metrics, now) for name, alarm in watched.alarms.items()}
    height = max(w["y"] + w["height"] for w in whole["widgets"]) * ROW
    drawn = [
        draw_alarms(w, states) if w["type"] == "alarm" else draw(w, series(w, metrics, now, whole["start"])) for w in whole["widgets"]
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{24 * COLUMN}" height="{height}" font-family="sans-serif" font-size="11" fill="#16191f">\n'
        f'<rect width="100%" height="100%" fill="#f2f3f3"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    lines = scenarios.samples()
    for name in scenarios.NAMES:
        file = folder / f"{name.split(' ', 1)[1].replace(' ', '-').lower()}.svg"
        file.write_text(svg(scenarios.scenario(name, lines), scenarios.NOW))
        print(file)
