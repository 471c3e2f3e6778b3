"""The log lines of the functions, one for each kind of answer. local/internal/checks/logged_test.go records them."""

import functools
import json
import pathlib


@functools.cache
def functions():
    """Returns, for the portal and the webhook, the metrics of each combination of namespace and dimensions, and the lines."""
    return json.loads((pathlib.Path(__file__).parent / "logged.json").read_text())


def name(dimension):
    """Returns the title of the function that a dimension names."""
    return dimension.strip("<>").removesuffix("Function").lower()


def carries(namespace, metric, dimensions):
    """Reports whether a line of the function has the metric, with the values of all dimensions."""
    function = functions()[name(dimensions["function"])]
    if metric not in function["metrics"].get(" ".join([namespace, *dimensions]), []):
        return False
    values = {n: v for n, v in dimensions.items() if n not in ("function", "version")}
    return any(metric in line and values.items() <= line.items() for line in function["lines"])


def values(function, dimension):
    return {line[dimension] for line in functions()[function]["lines"] if dimension in line}


def count(versions):
    """Returns the largest possible number of custom metrics, for a number of versions at a time."""
    number = 0
    for function, of in functions().items():
        for key, names in of["metrics"].items():
            [dimension] = key.split()[2:] or ["function"]
            # Only one route is counted separately.
            number += len(names) * {"function": 1, "route": 1, "version": versions}.get(dimension, len(values(function, dimension)))
    return number
