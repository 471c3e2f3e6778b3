"""Metrics for four drills. The real functions write one log line for each kind of request; a scenario says how many a minute has.

The functions run as in Lambda (`go run ./local invoke`), with the stand-in cloud. Metrics of AWS itself (Lambda, API Gateway, DynamoDB)
are derived from the same requests. Times and ages are invented, because the stand-ins answer at once.
"""

import json
import math
import pathlib
import random
import subprocess
import tempfile

from metrics import DAY, HOUR, MINUTE, Metrics, request_lines
from translated import ROOT

NOW = DAY  # the time at which the operator looks
BEGIN = NOW - 40 * MINUTE  # start of the incident

PORTAL, WEBHOOK, PREFLIGHT = "<PortalFunction>", "<WebhookFunction>", "<PreflightFunction>"

# Kinds of requests: the event, and the variables that differ from local/env.json.
KINDS = {
    "home": ("portal.json", {}),
    "payment method": ("payment-method-update.json", {}),
    "cancel": ("subscription-cancel.json", {}),
    "update": ("subscription-update.json", {}),
    "no token": ("missing-token.json", {}),
    "old token": ("expired-token.json", {}),
    "no account": ("portal.json", {"CUSTOMERS_KEY_FORMAT": "nobody-{user}"}),
    "outage": ("portal.json", {"STRIPE_API_BASE": "http://127.0.0.1:1"}),
    "crash": ("portal.json", {"STRIPE_LIVEMODE": "perhaps"}),
    "claimed": ("customer.created", {"CUSTOMERS_KEY_FORMAT": "new-{user}"}),
    "released": ("customer.updated-released", {}),
    "ignored": ("invoice.paid", {}),
}


def samples():
    """Runs each kind of request once, and returns its log line, or None if it has none."""
    with tempfile.TemporaryDirectory() as folder:
        local, file = str(pathlib.Path(folder) / "local"), pathlib.Path(folder) / "env.json"
        subprocess.run(["go", "build", "-o", local, "./local"], cwd=ROOT, check=True)
        return {kind: sample(local, file, event, changes) for kind, (event, changes) in KINDS.items()}


def sample(local, file, event, changes):
    environment = json.loads((ROOT / "local/env.json").read_text())
    for variables in environment.values():
        variables |= changes
    file.write_text(json.dumps(environment))
    command, given = [local, "invoke", "--env-vars", file, "-e", f"events/{event}"], None
    if not event.endswith(".json"):  # events must be signed when they are sent
        given = subprocess.run([local, "events", event], cwd=ROOT, check=True, capture_output=True).stdout
        command[-1] = "-"
    ran = subprocess.run(command, cwd=ROOT, input=given, capture_output=True)
    lines = request_lines(ran.stderr.decode())
    if ran.returncode != 0 and '"the function does not start"' not in ran.stderr.decode():
        raise AssertionError(ran.stderr.decode())
    return lines[0] if lines else None


# Median time of each step of a request, in milliseconds.
TIMES = {"auth_ms": 1, "lookup_ms": 7, "secret_ms": 0.1, "stripe_ms": 280, "table_ms": 15, "event_age_ms": 1800}
REFUSED = 1300  # milliseconds of three failed connections to Stripe


class Scenario:
    def __init__(self, lines, seed):
        self.lines, self.metrics, self.chance = lines, Metrics(), random.Random(seed)

    def often(self, mean):
        """Returns a random number of occurrences in a minute, with this mean."""
        count, left = 0, math.exp(-mean)
        product = self.chance.random()
        while product > left:
            count, product = count + 1, product * self.chance.random()
        return count

    def serve(self, kind, time, mean):
        for _ in range(self.often(mean)):
            self.request(kind, time)

    def request(self, kind, time):
        line = self.lines[kind] and dict(self.lines[kind])
        status = line["status"] if line else 500
        is_event = kind in ("claimed", "released", "ignored")
        function = WEBHOOK if is_event else PORTAL
        gateway = {"ApiId": "<PortalApi>"}
        self.metrics.add("AWS/ApiGateway", "Count", gateway, time, 1)
        self.metrics.add("AWS/ApiGateway", "4xx", gateway, time, int(400 <= status < 500))
        self.metrics.add("AWS/ApiGateway", "5xx", gateway, time, int(status >= 500))
        self.metrics.add("AWS/Lambda", "Errors", {"FunctionName": function}, time, int(line is None))
        self.metrics.add("AWS/Lambda", "Throttles", {"FunctionName": function}, time, 0)
        if line is None:
            self.metrics.add("BillingPortal/billing-portal", "failed_starts", {}, time, 1)
            return
        line["function"] = function
        line["cold_starts"] = int(self.chance.random() < 0.02)
        for name, typical in TIMES.items():
            if name in line:
                line[name] = typical * self.chance.lognormvariate(0, 0.5)
        if kind == "outage":
            line["stripe_ms"] = REFUSED * self.chance.uniform(0.9, 1.2)
        line["duration_ms"] = sum(line.get(name, 0) for name in TIMES if name != "event_age_ms") + 250 * line["cold_starts"]
        for name in ("secret_age_ms", "keys_age_ms"):
            if name in line:
                line[name] = (time % (5 * MINUTE if name == "secret_age_ms" else 10 * MINUTE)) * 1000
        self.metrics.line(line, time)
        self.metrics.add("AWS/Lambda", "Duration", {"FunctionName": function}, time, line["duration_ms"])
        if "lookup_ms" in line:
            self.metrics.add("AWS/DynamoDB", "ConsumedReadCapacityUnits", {"TableName": "<Customers>"}, time, 1)
        if line.get("effect") in ("claimed", "released"):
            self.metrics.add("AWS/DynamoDB", "ConsumedWriteCapacityUnits", {"TableName": "<Customers>"}, time, 2)


def scenario(name, lines):
    """Returns the metrics of a few hours: usual requests, far fewer in a quiet night, and an incident in the last 40 minutes."""
    s = Scenario(lines, name)
    quiet = name == "a quiet night"
    for time in range(NOW - 7 * HOUR, NOW, MINUTE):
        load = 0.06 if quiet and time >= NOW - 5 * HOUR else 1 + 0.3 * math.sin(2 * math.pi * time / DAY)
        wrong = None if quiet or time < BEGIN else {"a Stripe outage": "outage", "a crashed function": "crash", "a wiped table": "no account"}[name]
        for kind, mean in (("home", 3), ("payment method", 0.7), ("cancel", 0.4), ("update", 0.5)):
            s.serve(wrong or kind, time, mean * load)
        for kind, mean in (("no token", 0.25), ("old token", 0.2), ("no account", 0.12)):
            s.serve("crash" if wrong == "crash" else kind, time, mean * load)
        if wrong != "outage":  # Stripe sends nothing while it is down
            for kind, mean in (("claimed", 0.3), ("released", 0.05), ("ignored", 0.8)):
                s.serve(kind, time, mean * load)
    return s.metrics


NAMES = ["a quiet night", "a Stripe outage", "a crashed function", "a wiped table"]
