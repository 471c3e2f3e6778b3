"""A model of the parts of CloudWatch that the alarms and the dashboard need: metrics of log lines, metric math, and alarm states."""

import ast
import collections
import json
import math
import operator

MINUTE, HOUR, DAY = 60, 3600, 86400


class Metrics:
    """Samples by metric and minute. Times are in seconds from the start of a scenario."""

    def __init__(self):
        self.samples = collections.defaultdict(lambda: collections.defaultdict(list))

    def add(self, namespace, name, dimensions, time, value, count=1):
        self.samples[namespace, name, frozenset(dimensions.items())][time // MINUTE] += [value] * count

    def line(self, line, time, count=1):
        """Adds the metrics that CloudWatch extracts from a line in the embedded metric format.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
        """
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for dimensions in directive["Dimensions"]:
                for metric in directive["Metrics"]:
                    of = {d: line[d] for d in dimensions}
                    self.add(directive["Namespace"], metric["Name"], of, time, line[metric["Name"]], count)

    def values(self, namespace, name, dimensions, stat, period, start, end):
        """Returns a statistic for each period, None for a period without data."""
        minutes = self.samples.get((namespace, name, frozenset(dimensions.items())), {})
        found = collections.defaultdict(list)
        for minute, samples in minutes.items():
            if start <= minute * MINUTE < end:
                found[(minute * MINUTE - start) // period] += samples
        return [statistic(found[i], stat) if found[i] else None for i in range((end - start) // period)]

    def dimensions(self, namespace, name, known):
        """Returns the dimensions of all metrics with this name that include the known dimensions."""
        keys = [dict(d) for n, m, d in self.samples if (n, m) == (namespace, name)]
        return [d for d in keys if known.items() <= d.items()]


def statistic(samples, stat):
    if stat.startswith("p"):
        return sorted(samples)[max(math.ceil(len(samples) * int(stat[1:]) / 100), 1) - 1]
    return {"Sum": sum, "Maximum": max, "SampleCount": len}[stat](samples)


OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Lt: operator.lt,
    ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.And: lambda a, b: a and b, ast.Or: lambda a, b: a or b,
}  # fmt: skip


def evaluate(expression, values):
    """Evaluates metric math with the values of one time, by ID. The result is None if it needs a missing value or divides by zero.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """

    def apply(kind, *arguments):
        if None in arguments or (kind is ast.Div and arguments[1] == 0):
            return None
        return OPERATORS[kind](*arguments)

    def of(node):
        match node:
            case ast.Expression():
                return of(node.body)
            case ast.Constant():
                return node.value
            case ast.Name():
                return values[node.id]
            case ast.BinOp():
                return apply(type(node.op), of(node.left), of(node.right))
            case ast.BoolOp(values=[left, right]):
                return apply(type(node.op), of(left), of(right))
            case ast.Compare(ops=[one], comparators=[right]):
                return apply(type(one), of(node.left), of(right))
            case ast.Call(func=ast.Name(id="FILL"), args=[series, filling]):
                return of(filling) if of(series) is None else of(series)
            case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
                held = of(condition)
                return None if held is None else of(then if held else otherwise)
        raise ValueError(f"{ast.dump(node)} of {expression}")

    return of(ast.parse(expression.replace(" AND ", " and ").replace(" OR ", " or "), mode="eval"))


def dimensions_of(metric):
    return {d["Name"]: d["Value"] for d in metric.get("Dimensions", [])}


# The number of earlier periods that CloudWatch also reads, as in the examples of the CloudWatch documentation.
EXTRA = 2


def is_alarm(alarm, metrics, now):
    """Reports whether an alarm of a template fires. For periods without data, older data is used first, and then TreatMissingData.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    properties = alarm["Properties"]
    periods = int(properties["EvaluationPeriods"])
    points = [p for p in points_of(properties, metrics, now, periods + EXTRA) if p is not None][-periods:]
    breaches = {"GreaterThanOrEqualToThreshold": operator.ge, "LessThanThreshold": operator.lt}[properties["ComparisonOperator"]]
    breaching = [breaches(p, float(properties["Threshold"])) for p in points]
    breaching += [properties["TreatMissingData"] == "breaching"] * (periods - len(points))
    return sum(breaching) >= int(properties.get("DatapointsToAlarm", periods))


def points_of(properties, metrics, now, count):
    """Returns the values of an alarm in the latest periods."""

    def values(metric, stat, period):
        return metrics.values(metric["Namespace"], metric["MetricName"], dimensions_of(metric), stat, period, now - count * period, now)

    if "Metrics" not in properties:
        return values(properties, properties["Statistic"], properties["Period"])
    stats = {m["Id"]: m["MetricStat"] for m in properties["Metrics"] if "MetricStat" in m}
    series = {i: values(m["Metric"], m["Stat"], m["Period"]) for i, m in stats.items()}
    [expression] = [m["Expression"] for m in properties["Metrics"] if m.get("ReturnData", True)]
    if all(v is None for line in series.values() for v in line):
        return [None] * count  # without any data, FILL returns no data
    return [evaluate(expression, {i: line[at] for i, line in series.items()}) for at in range(count)]


def request_lines(log):
    """Returns the log lines of a function that contain metrics."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{") and '"_aws"' in line]
