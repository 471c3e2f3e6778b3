"""The alarms and the dashboard, evaluated for known data as CloudWatch would."""

import json
import pathlib
import re
import subprocess
import tempfile
import unittest
from unittest import mock

import dashboard
import scenarios
import translated
from dashboard import Watched, everything
from metrics import DAY, HOUR, MINUTE, Metrics, evaluate, is_alarm

PORTAL, WEBHOOK, API = {"function": "<PortalFunction>"}, {"function": "<WebhookFunction>"}, {"ApiId": "<PortalApi>"}


def own(name, of, count, value=1, time=DAY - MINUTE, **more):
    """Returns a function that adds samples of one of the functions' own metrics."""
    return lambda m: m.add("BillingPortal", name, of | more, time, value, count)


def of_aws(namespace, name, of, count, value=1, time=DAY - MINUTE):
    return lambda m: m.add(namespace, name, of, time, value, count)


def failures(of, failed, requests):
    return [own("failures", of, failed), own("failures", of, requests - failed, 0), own("requests", of, requests)]


def slow(of, time, slow, fast):
    return [own("duration_ms", of, slow, 4000, time), own("duration_ms", of, fast, 100, time), own("requests", of, slow + fast, time=time)]


def coded(of, code, count, requests):
    return [own("requests", of, count, code=code), own("requests", of, requests)]


def without_account(missing, lookups):
    return [own("requests", PORTAL, missing, code="no-billing-account"), own("lookup_ms", PORTAL, lookups, 5), own("requests", PORTAL, 10_000)]


NOTHING = []
QUARTER = (DAY - 15 * MINUTE, DAY - 10 * MINUTE, DAY - 5 * MINUTE)

# Data with which each alarm just fires, and data with which it just does not. A missing alarm fails a test.
FIRES = {
    "PortalFailures": [failures(PORTAL, 5, 100), failures(PORTAL, 5, 5)],
    "PortalMisconfigured": [coded(PORTAL, "billing-misconfigured", 1, 1000)],
    "PortalSlow": [[add for t in QUARTER for add in slow(PORTAL, t, 1, 19)]],
    "PortalThrottles": [[of_aws("AWS/Lambda", "Throttles", {"FunctionName": "<PortalFunction>"}, 1)]],
    "PortalErrors": [[of_aws("AWS/Lambda", "Errors", {"FunctionName": "<PortalFunction>"}, 2)]],
    "ApiFailures": [[of_aws("AWS/ApiGateway", "5xx", API, 5)]],
    "StaleKeys": [[own("keys_age_ms", PORTAL, 1, 90 * MINUTE * 1000)]],
    "StaleSecret": [[own("secret_age_ms", PORTAL, 1, 15 * MINUTE * 1000)]],
    "InvalidTokens": [coded(PORTAL, "invalid-token", 20, 40)],
    "UsersWithoutAccount": [without_account(10, 20), without_account(10, 10)],
    "ApiThrottled": [[of_aws("BillingPortal/billing-portal", "throttled", {}, 10)]],
    "ApiBusy": [[of_aws("AWS/ApiGateway", "Count", API, 2400)]],
    "EventsMissing": [
        NOTHING,
        [own("event_age_ms", WEBHOOK, 100, time=DAY - 6 * HOUR - 1)],
        coded(WEBHOOK, "invalid-signature", 100, 100),
        coded(WEBHOOK, "ok", 1, 1),  # preflight's
    ],
    "WebhookFailures": [failures(WEBHOOK, 5, 100)],
    "WebhookMisconfigured": [coded(WEBHOOK, "webhook-misconfigured", 1, 1000)],
    "WebhookThrottles": [[of_aws("AWS/Lambda", "Throttles", {"FunctionName": "<WebhookFunction>"}, 1)]],
    "WebhookErrors": [[of_aws("AWS/Lambda", "Errors", {"FunctionName": "<WebhookFunction>"}, 2)]],
    "WebhookStaleSecret": [[own("secret_age_ms", WEBHOOK, 1, 15 * MINUTE * 1000)]],
    "InvalidSignatures": [coded(WEBHOOK, "invalid-signature", 10, 10)],
    "Conflicts": [[own("events", WEBHOOK, 1, effect="conflict")]],
    "DeadLetters": [[of_aws("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "<WebhookDeadLetters.QueueName>"}, 1)]],
}
QUIET = {
    "PortalFailures": [failures(PORTAL, 5, 101), failures(PORTAL, 4, 4), failures(PORTAL, 0, 1000)],
    "PortalMisconfigured": [coded(PORTAL, "ok", 1000, 1000)],
    "PortalSlow": [
        [add for t in QUARTER for add in slow(PORTAL, t, 1, 18)],
        [add for t in QUARTER[:2] for add in slow(PORTAL, t, 1, 19)] + slow(PORTAL, QUARTER[2], 0, 20),
        [add for t in QUARTER for add in slow(PORTAL, t, 1, 99)],
    ],
    "PortalThrottles": [[of_aws("AWS/Lambda", "Throttles", {"FunctionName": "<PortalFunction>"}, 9, 0)]],
    "PortalErrors": [[of_aws("AWS/Lambda", "Errors", {"FunctionName": "<PortalFunction>"}, 1)]],
    "ApiFailures": [[of_aws("AWS/ApiGateway", "5xx", API, 4)]],
    "StaleKeys": [[own("keys_age_ms", PORTAL, 9, 90 * MINUTE * 1000 - 1)]],
    "StaleSecret": [[own("secret_age_ms", PORTAL, 9, 15 * MINUTE * 1000 - 1)]],
    "InvalidTokens": [coded(PORTAL, "invalid-token", 20, 41), coded(PORTAL, "invalid-token", 19, 19)],
    "UsersWithoutAccount": [without_account(10, 21), without_account(9, 9), without_account(0, 0)],
    "ApiThrottled": [[of_aws("BillingPortal/billing-portal", "throttled", {}, 9)]],
    "ApiBusy": [[of_aws("AWS/ApiGateway", "Count", API, 2399)]],
    "EventsMissing": [[own("event_age_ms", WEBHOOK, 1, 2000, DAY - 6 * HOUR)], [own("event_age_ms", WEBHOOK, 1, 0)]],
    "WebhookFailures": [failures(WEBHOOK, 5, 101), failures(WEBHOOK, 4, 4)],
    "WebhookMisconfigured": [coded(WEBHOOK, "ok", 1000, 1000)],
    "WebhookThrottles": [failures(PORTAL, 5, 5)],
    "WebhookErrors": [[of_aws("AWS/Lambda", "Errors", {"FunctionName": "<WebhookFunction>"}, 1)]],
    "WebhookStaleSecret": [[own("secret_age_ms", PORTAL, 1, 15 * MINUTE * 1000)]],
    "InvalidSignatures": [coded(WEBHOOK, "invalid-signature", 9, 9)],
    "Conflicts": [[own("events", WEBHOOK, 9, effect="claimed")]],
    "DeadLetters": [[of_aws("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "<WebhookDeadLetters.QueueName>"}, 9, 0)]],
}
# Alarms of versions: their number is an attribute of a resource whose name contains the release.
ON_VERSIONS = {"PortalVersionErrors", "PortalVersionFailures", "WebhookVersionErrors", "WebhookVersionFailures"}


def states(data, parameters=None):
    watched = Watched(translated.EVERYTHING | parameters) if parameters else everything()
    metrics = Metrics()
    for add in data:
        add(metrics)
    return {name for name, alarm in watched.alarms.items() if is_alarm(alarm, metrics, DAY)}


class Alarms(unittest.TestCase):
    def test_each_fires_at_its_threshold_and_not_below(self):
        named = set(everything().alarms)
        self.assertEqual(named - ON_VERSIONS, set(FIRES))
        self.assertEqual(named - ON_VERSIONS, set(QUIET))
        for name in FIRES:
            for i, data in enumerate(FIRES[name]):
                self.assertIn(name, states(data), f"case {i}")
            for i, data in enumerate(QUIET[name]):
                self.assertNotIn(name, states(data), f"case {i}")

    def test_alarms_of_a_version_need_a_minimum_and_a_share(self):
        for name in sorted(ON_VERSIONS):
            alarm = everything().alarms[name]
            if "Metrics" not in alarm["Properties"]:
                continue
            [expression] = [m["Expression"] for m in alarm["Properties"]["Metrics"] if "Expression" in m]
            for failed, requests, want in ((3, 30, 1), (3, 31, 0), (2, 2, 0), (0, 50, 0)):
                self.assertEqual(evaluate(expression, {"failures": failed, "requests": requests}), want, name)

    def test_without_data_only_missing_events_fire(self):
        self.assertEqual(states(NOTHING), {"EventsMissing"})

    def test_one_hour_with_events_is_enough_and_hours_without_data_count_as_zero(self):
        """Older data must not replace hours without data."""
        before = [own("event_age_ms", WEBHOOK, 9, time=DAY - h * HOUR) for h in range(7, 20)]
        self.assertIn("EventsMissing", states(before))
        self.assertNotIn("EventsMissing", states(before + [own("event_age_ms", WEBHOOK, 1, time=DAY - 5 * HOUR)]))

    def test_events_are_expected_within_a_week_at_most(self):
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html: Period
        most = translated.read("template.yaml")["Parameters"]["EventsExpectedWithin"]["MaxValue"]
        watched = translated.observability(translated.deployed(translated.EVERYTHING | {"EventsExpectedWithin": str(most)}))
        alarm = watched.resources["EventsMissing"]["Properties"]
        [period] = [m["MetricStat"]["Period"] for m in alarm["Metrics"] if "MetricStat" in m]
        self.assertEqual((period, period * int(alarm["EvaluationPeriods"])), (3600, 604800))

    def test_every_alarm_stays_within_what_cloudwatch_evaluates(self):
        for name, alarm in everything().alarms.items():
            properties = alarm["Properties"]
            periods = [m["MetricStat"]["Period"] for m in properties.get("Metrics", []) if "MetricStat" in m] or [properties["Period"]]
            self.assertEqual(len(set(periods)), 1, name)
            self.assertLessEqual(periods[0] * int(properties["EvaluationPeriods"]), 604800 if periods[0] >= 3600 else 86400, name)

    def test_operators_can_set_thresholds(self):
        self.assertIn("UsersWithoutAccount", states(without_account(10, 50), {"UsersWithoutAccountPercent": "20"}))
        self.assertNotIn("UsersWithoutAccount", states(without_account(10, 51), {"UsersWithoutAccountPercent": "20"}))
        busy = [of_aws("AWS/ApiGateway", "Count", API, 480)]
        self.assertIn("ApiBusy", states(busy, {"ThrottlingRateLimit": "10"}))
        self.assertNotIn("ApiBusy", states(busy, {"ThrottlingRateLimit": "11"}))

    def test_a_copy_that_serves_only_the_button_is_not_stale(self):
        """Only requests that use a value log its age. An hour without such requests does not fire an alarm."""
        fetched = [own(age, PORTAL, 1, 60_000, DAY - 3 * HOUR) for age in ("keys_age_ms", "secret_age_ms")]
        button = [add for t in range(DAY - 3 * HOUR, DAY, 5 * MINUTE) for add in failures_at(PORTAL, t)]
        self.assertLessEqual(states(fetched + button), {"EventsMissing"})


def failures_at(of, time):
    return [own("failures", of, 1, 0, time), own("requests", of, 1, time=time), own("duration_ms", of, 1, 1, time)]


class Filters(unittest.TestCase):
    """Metric filters, which count lines that are not metrics of the functions."""

    def setUp(self):
        self.stack, self.watching = everything().stack, everything().within
        self.filters = {n: f["Properties"] for n, f in self.watching.of_type("AWS::Logs::MetricFilter").items()}

    def test_throttled_requests_are_counted_from_the_access_log(self):
        properties = self.filters["ThrottledRequests"]
        self.assertEqual(properties["LogGroupName"], "<PortalApiLogGroup>")
        api_format = json.loads(self.stack.resources["PortalApiApiGatewayDefaultStage"]["Properties"]["AccessLogSettings"]["Format"])
        member, value = re.fullmatch(r'\{ \$\.(\w+) = "(\d+)" \}', properties["FilterPattern"]).groups()
        self.assertEqual((api_format[member], value), ("$context.status", "429"))

    def test_each_metric_belongs_to_this_stack_and_is_used(self):
        counted = {(t["MetricNamespace"], t["MetricName"]) for f in self.filters.values() for t in f["MetricTransformations"]}
        metrics = [m for w in everything().body["widgets"] for m in w["properties"].get("metrics", [])]
        shown = {(m[0], m[1]) for m in metrics if isinstance(m[0], str)}
        self.assertEqual(counted, {(n, m) for n, m in shown if n == "BillingPortal/billing-portal"})
        alarmed = {(m["Namespace"], m["MetricName"]) for a in self.watching.of_type("AWS::CloudWatch::Alarm").values() for m in translated.metrics_of(a)}
        self.assertLessEqual({(n, m) for n, m in alarmed if n == "BillingPortal/billing-portal"}, counted)


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.body = everything().body

    def test_the_dashboard_begins_with_every_alarm(self):
        first = self.body["widgets"][0]
        self.assertEqual((first["type"], first["y"], first["properties"]["sortBy"]), ("alarm", 0, "stateUpdatedTimestamp"))
        self.assertEqual(sorted(first["properties"]["alarms"]), sorted(f"<{name}.Arn>" for name in everything().alarms))
        least = Watched(translated.REQUIRED)
        self.assertEqual(sorted(least.body["widgets"][0]["properties"]["alarms"]), sorted(f"<{name}.Arn>" for name in least.alarms))

    def test_dimensions_are_not_empty(self):
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html: Value has at least one character
        for parameters in (translated.REQUIRED, translated.EVERYTHING):
            for metric in (m for w in Watched(parameters).body["widgets"] for m in w["properties"].get("metrics", [])):
                self.assertNotIn("", metric)
                self.assertNotIn('=""', metric[0].get("expression", "") if isinstance(metric[0], dict) else "")

    def test_the_dashboard_fits_its_grid(self):
        taken = set()
        for widget in self.body["widgets"]:
            for x in range(widget["x"], widget["x"] + widget["width"]):
                for y in range(widget["y"], widget["y"] + widget["height"]):
                    self.assertNotIn((x, y), taken, widget["properties"]["title"])
                    self.assertLess(x, 24)
                    taken.add((x, y))
        self.assertEqual(len(taken), 24 * max(y + 1 for _, y in taken), "a gap")

    def test_the_dashboard_is_within_the_limits_of_cloudwatch(self):
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
        self.assertLessEqual(len(self.body["widgets"]), 500)
        self.assertLessEqual(len(self.body["widgets"][0]["properties"]["alarms"]), 100)
        self.assertTrue(all(len(w["properties"].get("metrics", [])) <= 500 for w in self.body["widgets"]))
        self.assertEqual(self.body["periodOverride"], "inherit", "thresholds are of the periods that the alarms have")

    def values(self, title, label, data):
        metrics = Metrics()
        for add in data:
            add(metrics)
        [widget] = [w for w in self.body["widgets"] if w["properties"]["title"].startswith(title)]
        [values] = [v for named, _, _, v in dashboard.series(widget, metrics, DAY, self.body["start"]) if named == label]
        return [v for v in values if v is not None]

    def test_expressions_of_graphs(self):
        for title, label, data, want in (
            ("Failed", "portal", failures(PORTAL, 5, 100), [5]),
            ("Failed", "webhook", failures(WEBHOOK, 1, 4), [25]),
            ("Users without", "no account", without_account(5, 20), [25]),
            ("Users without", "no account", without_account(0, 20), [0]),
            ("Users without", "none, of billing statuses", [own("statuses", PORTAL, 1, account="false"), own("statuses", PORTAL, 3, account="true")], [25]),
            ("Users without", "none, of billing statuses", [own("statuses", PORTAL, 3, account="true")], [0]),
            ("Users without", "none, of billing statuses", [], []),
            ("How old", "Stripe key", [own("secret_age_ms", PORTAL, 1, 900_000)], [900]),
            ("How old", "issuer's keys", [own("keys_age_ms", PORTAL, 1, 5_400_000)], [5400]),
            ("How old", "signing secret", [own("secret_age_ms", WEBHOOK, 1, 1500)], [1.5]),
            ("Do events", "age, p99", [own("event_age_ms", WEBHOOK, 1, 2500)], [2.5]),
            ("What does it cost", "GB-seconds of the portal", [of_aws("AWS/Lambda", "Duration", {"FunctionName": "<PortalFunction>"}, 4, 500)], [1]),
            ("Crashed", "portal", [of_aws("AWS/Lambda", "Errors", {"FunctionName": "<PortalFunction>"}, 3)], [3]),
            ("Crashed", "failed starts", [of_aws("BillingPortal/billing-portal", "failed_starts", {}, 3)], [3]),
            ("Errors of the gateway", "5xx", [of_aws("AWS/ApiGateway", "5xx", API, 3)], [3]),
        ):
            self.assertEqual(self.values(title, label, data), want, (title, label))

    def test_horizontal_lines_are_the_thresholds_of_alarms(self):
        """An alarm fires at the value of its line."""
        marked = {
            w["properties"]["title"].split(":")[0]: [m["value"] for m in w["properties"]["annotations"]["horizontal"]]
            for w in self.body["widgets"]
            if "annotations" in w["properties"]
        }
        watched = everything().alarms
        threshold = lambda name: watched[name]["Properties"]["Threshold"]
        default = translated.read("template.yaml")["Parameters"]["UsersWithoutAccountPercent"]["Default"]
        self.assertEqual(marked["Users without an account"], [default])
        self.assertEqual(marked["Failed"], [5])
        self.assertIn("PortalFailures", states(failures(PORTAL, marked["Failed"][0], 100)))
        self.assertEqual(marked["Crashed functions"], [threshold("PortalErrors")])
        self.assertEqual(marked["Errors of the gateway"], [threshold("ApiFailures")])
        self.assertEqual(marked["How old are keys and secrets? Seconds"], [threshold("StaleKeys") / 1000, threshold("StaleSecret") / 1000])
        self.assertEqual(marked["How fast? Milliseconds"], [4000])


def line(status, code, **more):
    """Returns a log line in the format of the functions."""
    times = [n for n in more if n.endswith("_ms")]
    directives = [(["function"], [*times, "duration_ms", "requests", "failures", "cold_starts"]), (["function", "code"], ["requests"])]
    directives += [(["function", d], [m]) for m, d in (("sessions", "flow"), ("events", "effect"), ("upstream_failures", "upstream")) if d in more]
    directives = [{"Namespace": "BillingPortal", "Dimensions": [d], "Metrics": [{"Name": m} for m in names]} for d, names in directives]
    counts = {m: 1 for m, d in (("sessions", "flow"), ("events", "effect"), ("upstream_failures", "upstream")) if d in more}
    return {"status": status, "code": code, "requests": 1, "failures": int(status >= 500), "_aws": {"CloudWatchMetrics": directives}} | counts | more


class Drills(unittest.TestCase):
    """Drills with lines in the format of the functions. `make dashboard` gets the lines from the functions themselves."""

    SESSION = line(303, "ok", flow="home", lookup_ms=1, stripe_ms=1, secret_age_ms=1)
    LINES = dict.fromkeys(("home", "payment method", "cancel", "update"), SESSION) | {
        "no token": line(401, "missing-credentials"),
        "old token": line(401, "invalid-token"),
        "no account": line(404, "no-billing-account", lookup_ms=1),
        "outage": line(502, "billing-unavailable", lookup_ms=1, stripe_ms=1, upstream="stripe"),
        "crash": None,
        "claimed": line(200, "ok", effect="claimed", event_age_ms=1),
        "released": line(200, "ok", effect="released", event_age_ms=1),
        "ignored": line(200, "ok", effect="ignored", event_age_ms=1),
    }

    def test_each_drill_fires_its_own_alarms(self):
        self.assertEqual(set(self.LINES), set(scenarios.KINDS))
        for name, want in (
            ("a quiet night", set()),
            ("a Stripe outage", {"PortalFailures", "ApiFailures"}),
            ("a crashed function", {"PortalErrors", "ApiFailures"}),
            ("a wiped table", {"UsersWithoutAccount"}),
        ):
            metrics = scenarios.scenario(name, self.LINES)
            self.assertEqual({n for n, a in everything().alarms.items() if is_alarm(a, metrics, scenarios.NOW)}, want, name)
            drawn = dashboard.svg(metrics, scenarios.NOW)
            self.assertEqual(drawn.count(">In alarm<"), len(want), name)
            for widget in everything().body["widgets"]:
                self.assertIn(widget["properties"]["title"].replace("'", "&#x27;"), drawn)

    def test_a_function_that_fails_is_not_drawn(self):
        for said, is_known in ("panic: something else", False), ('{"msg": "the function does not start"}', True):
            ran = subprocess.CompletedProcess([], 1, b"", said.encode())
            with tempfile.TemporaryDirectory() as folder, mock.patch("subprocess.run", return_value=ran):
                sample = lambda: scenarios.sample("local", pathlib.Path(folder) / "env.json", "portal.json", {})
                if is_known:
                    self.assertIsNone(sample())
                else:
                    self.assertRaisesRegex(AssertionError, "something else", sample)


if __name__ == "__main__":
    unittest.main()
