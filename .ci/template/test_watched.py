"""Compares the templates and the runbook with the tables of watched.py, and these tables with the functions' log lines."""

import json
import re
import unittest

import logged
import translated
import watched
from dashboard import Watched, everything
from metrics import MINUTE, dimensions_of
from translated import EVERYTHING, REQUIRED, ROOT

RUNBOOK = (ROOT / "infra/RUNBOOK.md").read_text()
PROSE = " ".join(RUNBOOK.split())
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", RUNBOOK, re.MULTILINE | re.DOTALL))
WORDS = "two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|fifths?|thirds?|tenth|half|twice|quarter|a hundred|an? (?:minute|hour|day|week)"
NUMBER = re.compile(rf"\b(?:\d[\d.,]*%?(?!\w)|(?:{WORDS})\b)")
SEARCH = re.compile(r'SEARCH\(\'\{BillingPortal,function,(\w+)\} MetricName="(\w+)" function="(<\w+>)"')

DEPLOYMENTS = {
    watched.ALWAYS: REQUIRED | {"EventsExpectedWithin": "6"},
    watched.WITH_WEBHOOK: REQUIRED | {"WebhookSecretId": "billing-portal/webhook"},
    watched.WITH_BUS: REQUIRED | {"StripeEventSource": EVERYTHING["StripeEventSource"]},
    watched.WITH_EXPECTED_EVENTS: REQUIRED | {"WebhookSecretId": "billing-portal/webhook", "EventsExpectedWithin": "1"},
}
HAS = {
    watched.ALWAYS: {watched.ALWAYS},
    watched.WITH_WEBHOOK: {watched.ALWAYS, watched.WITH_WEBHOOK},
    watched.WITH_BUS: {watched.ALWAYS, watched.WITH_WEBHOOK, watched.WITH_BUS},
    watched.WITH_EXPECTED_EVENTS: {watched.ALWAYS, watched.WITH_WEBHOOK, watched.WITH_EXPECTED_EVENTS},
}


def queries():
    """Returns the saved queries by name."""
    found = everything().within.of_type("AWS::Logs::QueryDefinition").values()
    return {q["Properties"]["Name"].removeprefix("billing-portal/"): q["Properties"] for q in found}


def plain(text):
    """Returns Markdown as plain text."""
    return " ".join(re.sub(r"`|\*\*|\]\([^)]*\)|\[", "", text).split())


def duration(path, constant):
    """Returns a duration constant of Go as the documents write it."""
    [count, unit] = re.search(rf"\b{constant} += (?:(\d+) \* )?time\.(\w+)", (ROOT / "functions/internal" / path).read_text()).groups()
    return watched.span(int(count or 1) * {"Second": 1, "Minute": 60, "Hour": 3600}[unit])


class Tables(unittest.TestCase):
    def test_every_alarm_is_as_in_the_table(self):
        alarms = {n: a["Properties"] for n, a in everything().alarms.items()}
        self.assertEqual(sorted(alarms), sorted(watched.ALARMS))
        topic = [EVERYTHING["NotificationTopicArn"]]
        for name, properties in alarms.items():
            version = re.search(r"<\w+Version.{10}\.Version>", json.dumps(properties)) if "Version" in name else None
            want = watched.ALARMS[name].properties | {"AlarmName": f"billing-portal-{name}" + (f"-{version[0]}" if version else "")}
            # The alarm of a version that was rolled back never recovers.
            want |= {"AlarmActions": topic} | ({} if version else {"OKActions": topic})
            self.assertEqual({n: v for n, v in properties.items() if n != "AlarmDescription"}, want, name)

    def test_without_a_topic_there_are_no_notifications(self):
        for name, alarm in Watched(DEPLOYMENTS[watched.WITH_BUS]).alarms.items():
            self.assertEqual({"AlarmActions", "OKActions", "InsufficientDataActions"} & set(alarm["Properties"]), set(), name)

    def test_a_deployment_has_only_the_alarms_of_its_options(self):
        for kind, parameters in DEPLOYMENTS.items():
            deployment = Watched(parameters)
            of = lambda table: sorted(n for n, when in table if when in HAS[kind])
            self.assertEqual(sorted(deployment.alarms), of((n, a.when) for n, a in watched.ALARMS.items()), kind)
            filters = deployment.within.of_type("AWS::Logs::MetricFilter")
            self.assertEqual(sorted(filters), of((n, f[0]) for n, f in watched.FILTERS.items()), kind)
            for_names = [q["Properties"]["Name"].split("/")[1] for q in deployment.within.of_type("AWS::Logs::QueryDefinition").values()]
            self.assertEqual(sorted(for_names), of((n, q[0]) for n, q in watched.QUERIES.items()), kind)

    def test_every_filter_is_as_in_the_table(self):
        for name, found in everything().within.of_type("AWS::Logs::MetricFilter").items():
            _, group, pattern, metric = watched.FILTERS[name]
            transformation = {"MetricNamespace": watched.OF_STACK, "MetricName": metric, "MetricValue": "1", "Unit": "Count"}
            want = {"LogGroupName": group, "FilterPattern": pattern, "MetricTransformations": [transformation]}
            self.assertEqual(found["Properties"], want, name)

    def test_every_graph_is_as_in_the_table(self):
        first, *graphs = everything().body["widgets"]
        self.assertEqual(first["properties"]["title"], "Alarms")
        self.assertEqual([g["properties"]["title"] for g in graphs], list(watched.GRAPHS))
        for graph in graphs:
            properties = dict(graph["properties"])
            want = watched.GRAPHS[title := properties.pop("title")]
            lines = [watched.described(line, want.period) for line in properties.pop("metrics")]
            self.assertEqual(lines, want.lines, title)
            marks = properties.pop("annotations", {}).get("horizontal", [])
            self.assertEqual({m["label"]: m["value"] for m in marks}, want.marks or {}, title)
            self.assertEqual(properties.pop("start", everything().body["start"]), want.since, title)
            axis = {"min": 0} | ({"max": want.highest} if want.highest else {})
            same = {"region": "eu-west-1", "view": "timeSeries", "stacked": want.stacked, "period": want.period, "yAxis": {"left": axis}}
            self.assertEqual(properties, same, title)
        ids = [line[-1]["id"] for g in graphs for line in g["properties"]["metrics"] if "id" in line[-1]]
        self.assertEqual(len(ids), len(set(ids)))


class Lines(unittest.TestCase):
    """Alarms, queries and graphs use only metrics and members that the functions write."""

    def test_metrics(self):
        looked_at = [m for a in everything().alarms.values() for m in translated.metrics_of(a)]
        own = [(m["MetricName"], dimensions_of(m)) for m in looked_at if m["Namespace"] == watched.OWN]
        for line in (line for w in everything().body["widgets"] for line in w["properties"].get("metrics", [])):
            if line[0] == watched.OWN:
                own.append((line[1], dict(zip(line[2:-1:2], line[3:-1:2]))))
            elif search := SEARCH.match(line[-1].get("expression", "")):
                dimension, name, function = search.groups()
                own += [(name, {"function": function, dimension: v}) for v in sorted(logged.values(logged.name(function), dimension))]
        self.assertGreater(len(own), 60)
        for name, dimensions in own:
            self.assertTrue(logged.carries(watched.OWN, name, dimensions), (name, dimensions))

    def test_every_code_is_logged_by_a_function(self):
        codes = set(re.findall(r'Code = "([a-z-]+)"', (ROOT / "functions/internal/problem/codes.go").read_text(), re.MULTILINE))
        self.assertEqual(logged.values("portal", "code") | logged.values("webhook", "code"), codes | {"ok"})

    def test_the_event_of_preflight_has_no_age(self):
        [line] = [line for line in logged.functions()["webhook"]["lines"] if line.get("event_type") == "preflight"]
        self.assertNotIn("event_age_ms", line)

    def test_costs_of_monitoring(self):
        """The prices of a metric, an alarm and a dashboard equal those in the table of costs."""
        prices = dict(re.findall(r"(\w+) += ([\d.]+)", (ROOT / "local/e2e/deployments/costs_test.go").read_text()))
        own, looked_at = logged.count(versions=2) + len({f[3] for f in watched.FILTERS.values()}), 0
        for alarm in everything().alarms.values():
            looked_at += len(translated.metrics_of(alarm))
        each, alarm, dashboard = (float(prices[n]) for n in ("perMetric", "perAlarmMetric", "perDashboard"))
        self.assertIn(f"at most {own} custom metrics of ${each:.2f} (${own * each:.2f};", PROSE)
        self.assertIn(f"alarms look at {looked_at} metrics of ${alarm:.2f} (${looked_at * alarm:.2f}), a dashboard ${dashboard:.0f}.", PROSE)


class Queries(unittest.TestCase):
    """The saved queries. This interprets the parts of the language that they use: fields, filter, stats, sort and limit.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
    """

    RESERVED = set(
        "addtotals anomaly dedup diff display fields filter filterIndex join limit lookup parse pattern sort source stats unmask unnest "
        "bin count max pct sum".split()
    )

    def commands(self, query):
        return [command.split(maxsplit=1) for command in query["QueryString"].strip().split("\n| ")]

    def found(self, query, line):
        """Reports whether a line passes the filters of a query."""
        conditions = [rest for verb, rest in self.commands(query) if verb == "filter"]
        text = " and ".join(f"({c})" for c in conditions if "@message" not in c).replace(" = ", " == ")
        members = set(re.findall(r"\b[a-z_]+\b", re.sub(r'"[^"]*"', "", text))) - {"and", "or"}
        text = re.sub(r"(\w+) ([<>]=?) (\d+)", r"(\1 is not None and \1 \2 \3)", text)
        return not text or eval(text, {}, {m: line.get(m) for m in members})

    def test_log_groups(self):
        for name, query in queries().items():
            self.assertEqual(query["LogGroupNames"], [f"<{g}LogGroup>" for g in watched.QUERIES[name][1]], name)

    def test_the_output_of_queries(self):
        shown = {n: " | ".join(" ".join(c) for c in self.commands(q) if c[0] != "filter") for n, q in queries().items()}
        self.assertEqual(shown, watched.SHOWN)

    def test_the_lines_that_queries_find(self):
        label = lambda line: "warning" if line["msg"] != "request" else line.get("effect") or line["code"]
        for name, query in queries().items():
            for group, want in watched.QUERIES[name][1].items():
                if want is not None:
                    found = [label(line) for line in logged.functions()[group.lower()]["lines"] if self.found(query, line)]
                    self.assertEqual(sorted(set(found)), sorted(set(want.split())), f"{name} in the log of {group}")

    def test_what_is_stale_finds_old_values(self):
        fresh = {"level": "INFO", "msg": "request", "keys_age_ms": 3600 * 1000, "secret_age_ms": 600 * 1000}
        self.assertFalse(self.found(queries()["what-is-stale"], fresh))
        for age in ("keys_age_ms", "secret_age_ms"):
            self.assertTrue(self.found(queries()["what-is-stale"], fresh | {age: fresh[age] + 1}), age)

    def test_the_statuses_that_queries_find(self):
        for name, found, others in (
            ("what-the-api-refused", (429, 500, 503), (200, 303, 404, 428)),
            ("what-failed", (500, 504), (200, 303, 499)),
            ("who-is-refused", (400, 499), (200, 303, 399, 500)),
        ):
            for status in found + others:
                line = {"status": status, "level": "INFO", "msg": "request", "code": "any"}
                self.assertEqual(bool(self.found(queries()[name], line)), status in found, (name, status))

    def test_what_crashed(self):
        # https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
        pattern = re.compile(re.search(r"filter @message like /(.+)/\n", queries()["what-crashed"]["QueryString"])[1])
        for text in (
            "2026-11-29T02:00:00Z 1b2c Task timed out after 15.00 seconds",
            "RequestId: 1b2c Error: Runtime exited with error: exit status 2",
            '{"level":"ERROR","msg":"the function does not start","error":"JWT_ISSUER: …"}',
            "panic: runtime error: index out of range", "fatal error: all goroutines are asleep - deadlock!", "goroutine 1 [running]:",
            "\t/work/functions/app/portal/portal.go:12 +0x1d",
        ):  # fmt: skip
            self.assertRegex(text, pattern)
        for function in logged.functions().values():
            for line in function["lines"]:
                self.assertNotRegex(json.dumps(line), pattern)

    def test_queries_use_only_members_of_the_lines_that_they_find(self):
        stage = everything().stack.resources["PortalApiApiGatewayDefaultStage"]["Properties"]
        access = json.loads(stage["AccessLogSettings"]["Format"])
        for name, query in queries().items():
            groups = watched.QUERIES[name][1]
            lines = [line for g in groups for line in logged.functions().get(g.lower(), {"lines": []})["lines"]]
            old = [line | {m: 10**9 for m in line if m.endswith("_age_ms")} for line in lines]
            lines = [line for line in lines + old if self.found(query, line)]
            members = set(access) if "PortalApi" in groups else {member for line in lines for member in line}
            asked = {re.sub(r"\.\d+$", "", member) for member in self.members(query)}  # an element of a list
            self.assertEqual(asked - members - {"@timestamp", "@log", "@message"}, set(), name)

    def members(self, query):
        """Returns the members that a query shows or counts. Aliases stand for their expressions."""
        aliases = set()
        for verb, rest in self.commands(query):
            if verb == "fields":
                yield from rest.split(", ")
            elif verb == "filter":
                yield from set(re.findall(r"@?\b[a-z_]+\b", re.sub(r'"[^"]*"|/.*/', "", rest))) - {"and", "or", "like"}
            elif verb == "stats":
                values, _, by = rest.partition(" by ")
                for function, arguments, alias in re.findall(r"(\w+)\(([^)]*)\) as (\w+)", values):
                    self.assertNotIn(alias, self.RESERVED | aliases)
                    aliases.add(alias)
                    yield from self.counted(function, arguments.split(", "), alias)
                self.assertEqual(values.count("("), values.count(" as "))
                yield from [member for member in by.split(", ") if not re.fullmatch(r"bin\(\d+m\)", member)]
            elif verb == "sort":
                member, order = rest.split()
                self.assertTrue(order == "desc" and (member == "@timestamp" or member in aliases), rest)
            else:
                self.assertEqual((verb, int(rest) <= 10_000), ("limit", True))

    def counted(self, function, arguments, alias):
        if function == "count":
            self.assertEqual((arguments, alias in ("requests", "events")), (["*"], True))
            return
        yield arguments[0]
        if function != "max":  # of a time
            metrics = {m for f in logged.functions().values() for names in f["metrics"].values() for m in names}
            self.assertIn(arguments[0], metrics, "not a number")
        of = arguments[0].removeprefix("@").removesuffix("_ms")
        want = {
            "pct": {f"p{arguments[-1]}", f"{of}_p{arguments[-1]}", of.removeprefix("event_")} if arguments[1:] else set(),
            "sum": {"cold", "failed"} & {of.split("_")[0], of.replace("failures", "failed")},
            "max": {"last"},
        }[function]
        self.assertIn(alias, want, f"{function}({', '.join(arguments)})")
        if re.fullmatch(r"p\d+", alias):
            self.assertEqual(of, "duration")


class Runbook(unittest.TestCase):
    """Each alarm's section in the runbook and its description agree with the alarm."""

    # Other numbers in the meaning of an alarm, from their sources.
    ALSO = {
        "PortalThrottles": ["503 from the gateway"],
        "PortalErrors": ["its {timeout} s", "500 from the gateway"],
        "PortalMisconfigured": ["{status} billing-misconfigured"],
        "StaleKeys": ["{keys} after", "get {issuer}"],
        "StaleSecret": ["(for|after) {secret}"],
        "WebhookStaleSecret": ["(for|after) {secret}"],
        # https://docs.stripe.com/webhooks#automatic-retries
        "WebhookFailures": ["for three days in live mode", "in test mode three times, over a few hours"],
        "WebhookMisconfigured": ["{status} webhook-misconfigured"],
        "DeadLetters": ["(failed|after) {tries}", "for {kept} days"],
    }

    def numbers(self):
        invoke = everything().stack.of_type("AWS::Lambda::EventInvokeConfig").values()
        [tries] = {c["Properties"]["MaximumRetryAttempts"] + 1 for c in invoke}
        statuses = {line["code"]: line["status"] for f in logged.functions().values() for line in f["lines"] if "code" in line}
        functions = everything().stack.of_type("AWS::Lambda::Function")
        return {
            "timeout": functions["PortalFunction"]["Properties"]["Timeout"],
            "status": statuses["billing-misconfigured"],
            "issuer": statuses["identity-provider-unavailable"],
            "keys": duration("auth/remote.go", "staleFor"),
            "secret": duration("secret/cache.go", "usableFor"),
            "tries": f"({watched.NUMBERS[tries]} tries|{watched.times(tries)})",
            "kept": everything().stack.resources["WebhookDeadLetters"]["Properties"]["MessageRetentionPeriod"] // (24 * 60 * MINUTE),
        }

    def test_every_alarm_has_its_section(self):
        self.assertEqual(sorted(SECTIONS), sorted(watched.ALARMS))
        for name, text in SECTIONS.items():
            self.assertRegex(text, r"^\n\*\*Means:\*\* (.+\n)+\n1\. (.*\n)+?\n\*\*Resolved when:\*\* (.+\n)+\n$", name)

    def test_description_and_runbook_have_only_the_numbers_of_the_alarm(self):
        numbers = self.numbers()
        for name, alarm in watched.ALARMS.items():
            description = everything().alarms[name]["Properties"]["AlarmDescription"]
            means = plain(re.search(r"\*\*Means:\*\* (.*?)\n\n", SECTIONS[name], re.DOTALL)[1])
            as_other = re.match(r"As (\w+), of the webhook\.$", means)
            for text in [description] if as_other else [description, means]:
                rest = plain(text).lower()
                for says in alarm.says:
                    self.assertRegex(rest, says.lower(), name)
                    rest = re.sub(says.lower(), "", rest)
                for says in self.ALSO.get(name, []):
                    rest = re.sub(says.format(**numbers).lower(), "", rest)
                self.assertEqual(NUMBER.findall(rest), [], f"{name}: {text}")
            if as_other:
                self.assertEqual(watched.ALARMS[as_other[1]].says, alarm.says, name)
            if name in self.ALSO and not as_other:
                for says in self.ALSO[name]:
                    self.assertRegex(plain(description + means), f"(?i){says.format(**numbers)}", name)

    def test_queries(self):
        for name, alarm in watched.ALARMS.items():
            section = set(re.findall(r"`([a-z-]+)`", " ".join(SECTIONS[name].split()))) & set(watched.QUERIES)
            self.assertEqual(section, set(alarm.queries.split()), name)
            description = " ".join(everything().alarms[name]["Properties"]["AlarmDescription"].split())
            asked = set(re.findall(r"what-[a-z-]+|wh(?:o|ere|ich)-[a-z-]+", description))
            self.assertLessEqual(asked, section, name)
            self.assertTrue(description.endswith(f". {watched.ADVICE[name]} infra/RUNBOOK.md#{name.lower()}"), f"{name}: {description}")
            self.assertLessEqual(len(description), 1024, name)
        self.assertEqual(set(watched.QUERIES), set(queries()))
        self.assertEqual(set(watched.QUERIES), set(re.findall(r"[qQ]uery `([a-z-]+)`", PROSE)), "queries that no text names, or that do not exist")

    def test_commands_keep_data(self):
        """With another function or flag, these commands would be valid but lose data."""
        self.assertIn('aws lambda invoke --function-name "$(output WebhookFunctionName):live"', SECTIONS["DeadLetters"])
        self.assertIn("aws dynamodb update-table --table-name NEW --deletion-protection-enabled", PROSE)

    def test_graphs(self):
        for title in re.findall(r"dashboard's \"([^\"]+)\"", PROSE):
            self.assertTrue([g for g in watched.GRAPHS if re.split(r"(?<=\?)|:", g)[0] == title], title)


if __name__ == "__main__":
    unittest.main()
