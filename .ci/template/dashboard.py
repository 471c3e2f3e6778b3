"""Draws the dashboard of infra/observability.yaml with made-up data: dashboard.py FILE.svg"""

import html
import json
import math
import pathlib
import random
import re
import sys

import translated

COLUMN, ROW, GAP = 50, 44, 6  # pixels; CloudWatch's grid has 24 columns
POINTS = 96  # of a day

# What a search finds in a deployment: the values of its last dimension.
FOUND = {
    "flow": ["home", "payment_method_update", "subscription_cancel", "subscription_update"],
    "upstream": ["stripe", "dynamodb", "issuer"],
    "code": ["missing-credentials", "invalid-token", "no-billing-account", "subscription-ambiguous", "billing-unavailable"],
    "effect": ["claimed", "released", "unchanged", "ignored", "conflict"],
}
# About how much of each there is; what is not here is rare.
SIZE = {
    "requests": 180, "missing-credentials": 12, "invalid-token": 9, "no-billing-account": 6, "home": 110,
    "payment_method_update": 22, "subscription_cancel": 12, "subscription_update": 18, "p50": 160, "p99": 900,
    "issuer and token": 140, "DynamoDB": 25, "Secrets Manager": 60, "Stripe": 650, "portal": 4, "webhook": 1,
    "issuer's keys": 400_000, "Stripe key": 200_000, "signing secret": 210_000, "claimed": 9, "unchanged": 30, "ignored": 25,
    "age, p99": 2600, "API requests": 52_000, "GB-seconds of the portal": 5200, "read units": 50_000, "write units": 9000,
}  # fmt: skip
COLOURS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f"]


def body():
    stack = translated.deployed(translated.EVERYTHING)
    return json.loads(translated.observability(stack).resources["Dashboard"]["Properties"]["DashboardBody"])


def lines(widget):
    """(label, colour) of every line of a widget."""
    found = []
    for metric in widget["properties"]["metrics"]:
        options = metric[-1] if isinstance(metric[-1], dict) else {}
        if options.get("visible") is False:
            continue
        search = re.search(r"SEARCH\('\{BillingPortal,function,(\w+)\}", options.get("expression", ""))
        labels = FOUND[search[1]] if search else [options["label"]]
        found += [(label, options.get("color")) for label in labels]
    return [(label, colour or COLOURS[i % len(COLOURS)]) for i, (label, colour) in enumerate(found)]


def made_up(label):
    """A day of it: more by day than by night, and an incident in the evening."""
    chance = random.Random(label)
    size = SIZE.get(label)
    day = [0.55 - 0.45 * math.cos(2 * math.pi * i / POINTS) for i in range(POINTS)]
    if size is None:
        return [chance.uniform(2, 9) if 70 <= i < 76 else float(chance.random() < 0.03) for i in range(POINTS)]
    return [size * d * chance.uniform(0.85, 1.15) for d in day]


def number(value):
    return f"{value / 1000:.0f}k" if value >= 10_000 else f"{value:.0f}"


def draw(widget):
    x, y = widget["x"] * COLUMN + GAP, widget["y"] * ROW + GAP
    width, height = widget["width"] * COLUMN - 2 * GAP, widget["height"] * ROW - 2 * GAP
    left, top, right = x + 42, y + 32, x + width - 10
    named = lines(widget)
    rows = legend_rows([label for label, _ in named], width)
    bottom = y + height - 12 - 15 * len(rows)
    series = [made_up(label) for label, _ in named]
    if stacked := widget["properties"]["stacked"]:
        for below, above in zip(series, series[1:]):
            above[:] = [a + b for a, b in zip(below, above)]
    highest = max(max(s) for s in series) * 1.1 or 1
    at = lambda i, v: f"{left + (right - left) * i / (POINTS - 1):.1f},{bottom - (bottom - top) * v / highest:.1f}"
    parts = [
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="#fff" stroke="#d5dbdb"/>',
        f'<text x="{x + 10}" y="{y + 20}" font-weight="bold">{html.escape(widget["properties"]["title"])}</text>',
    ]
    for share in (0, 0.5, 1):
        level = bottom - (bottom - top) * share
        parts.append(f'<path d="M{left} {level}H{right}" stroke="#eaeded"/>')
        parts.append(f'<text x="{left - 5}" y="{level + 4}" text-anchor="end" fill="#687078">{number(highest * share)}</text>')
    for (_, colour), values in reversed(list(zip(named, series))):
        points = " ".join(at(i, v) for i, v in enumerate(values))
        if stacked:
            parts.append(f'<polygon points="{left},{bottom} {points} {right},{bottom}" fill="{colour}" fill-opacity=".75"/>')
        else:
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    colours = dict(named)
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


def svg():
    widgets = body()["widgets"]
    height = max(w["y"] + w["height"] for w in widgets) * ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{24 * COLUMN}" height="{height}" font-family="sans-serif" font-size="11" fill="#16191f">\n'
        f'<rect width="100%" height="100%" fill="#f2f3f3"/>\n' + "\n".join(map(draw, widgets)) + "\n</svg>\n"
    )


if __name__ == "__main__":
    file = pathlib.Path(sys.argv[1])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(svg())
    print(file)
