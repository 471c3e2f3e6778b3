"""Tables of all alarms, metric filters, saved queries and graphs. test_watched.py compares the templates with these tables, and the
tables with the functions' log lines and the runbook."""

from dataclasses import dataclass

PORTAL, WEBHOOK, PREFLIGHT, API, QUEUE = (
    f"<{name}>" for name in ("PortalFunction", "WebhookFunction", "PreflightFunction", "PortalApi", "WebhookDeadLetters.QueueName")
)
OWN, OF_STACK = "BillingPortal", "BillingPortal/billing-portal"

# The deployments that have an item: all, those with a webhook, those with an event bus, or those that expect events.
ALWAYS, WITH_WEBHOOK, WITH_BUS, WITH_EXPECTED_EVENTS = range(4)

NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 10: "ten", 20: "twenty", 100: "a hundred"}
SHARES = {0.1: "a tenth", 0.5: "half", 0.8: "four fifths"}


def times(count):
    return "twice" if count == 2 else f"{NUMBERS[count]} times"


def span(seconds):
    """Returns a time as the documents write it."""
    for unit, name in ((3600, "hour"), (60, "minute"), (1, "second")):
        count = seconds // unit
        if seconds % unit == 0:
            return {1: f"an {name}" if name == "hour" else f"a {name}"}.get(count) or f"{NUMBERS.get(count, count)} {name}s"


@dataclass
class Alarm:
    properties: dict
    says: list  # patterns that the alarm's description and the runbook must contain
    queries: str  # the queries that the runbook's section names
    when: int = ALWAYS


USUAL = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching"}


def metric(namespace, name, dimensions):
    listed = [{"Name": n, "Value": v} for n, v in dimensions.items()]
    return {"Namespace": namespace, "MetricName": name} | ({"Dimensions": listed} if listed else {})


def one(namespace, name, dimensions, stat, period, threshold, **more):
    return metric(namespace, name, dimensions) | USUAL | {"Statistic": stat, "Period": period, "Threshold": threshold} | more


def several(expression, period, metrics, result="breaching", **more):
    """metrics has the namespace, name, dimensions and statistic of each metric, by ID."""
    stats = [
        {"Id": i, "ReturnData": False, "MetricStat": {"Metric": metric(*of), "Stat": stat, "Period": period}} for i, (*of, stat) in metrics.items()
    ]
    return USUAL | {"Metrics": [{"Id": result, "Expression": expression}, *stats]} | more


def failing(of, floor, share, period):
    metrics = {i: (OWN, i, of, "Sum") for i in ("failures", "requests")}
    return several(f"IF(failures >= {floor} AND failures >= {share} * requests, 1, 0)", period, metrics)


def slow(of, milliseconds, percentile, floor, period, periods):
    metrics = {"slowest": (OWN, "duration_ms", of, f"p{percentile}"), "requests": (OWN, "requests", of, "Sum")}
    return several(f"IF(requests >= {floor} AND slowest >= {milliseconds}, 1, 0)", period, metrics, EvaluationPeriods=periods)


def refused(of, code, floor, share, period):
    metrics = {"refused": (OWN, "requests", of | {"code": code}, "Sum"), "requests": (OWN, "requests", of, "Sum")}
    return several(f"IF(refused >= {floor} AND refused >= {share} * requests, 1, 0)", period, metrics)


def without_account(of, floor, percent, period):
    metrics = {"missing": (OWN, "requests", of | {"code": "no-billing-account"}, "Sum"), "lookups": (OWN, "lookup_ms", of, "SampleCount")}
    return several(f"IF(missing >= {floor} AND 100 * missing >= {percent} * lookups, 1, 0)", period, metrics)


def of_version(function):
    version = f"<{function.strip('<>')}Version0123456789.Version>"
    errors = {"FunctionName": function, "Resource": f"{function}:live", "ExecutedVersion": version}
    return (
        one("AWS/Lambda", "Errors", errors, "Sum", 60, 2, EvaluationPeriods=5, DatapointsToAlarm=1),
        failing({"function": function, "version": version}, 3, 0.1, 300),
    )


ON_PORTAL, ON_WEBHOOK = {"function": PORTAL}, {"function": WEBHOOK}
DEFAULT_PERCENT, DEFAULT_RATE, EXPECTED_WITHIN = 50, 50, "6"
OFTEN = f"{times(2)} within {span(300)}"
TWENTIETH = [r"one (request|event) in twenty", rf"at least {NUMBERS[5]} within {span(300)}"]
CRASHING, FAILING = [rf"{times(2)} within {span(60)}"], [rf"{SHARES[0.1]} of its requests, and at least {NUMBERS[3]} within {span(300)},? with 5xx"]

ALARMS = {
    "PortalFailures": Alarm(failing(ON_PORTAL, 5, 0.05, 300), [*TWENTIETH, "5xx"], "what-failed who-calls"),
    "PortalMisconfigured": Alarm(one(OWN, "requests", ON_PORTAL | {"code": "billing-misconfigured"}, "Sum", 60, 1), [], "what-failed"),
    "PortalSlow": Alarm(
        slow(ON_PORTAL, 4000, 99, 20, 300, 3),
        [
            f"one request in {NUMBERS[100]} took more than {span(4)}",
            f"for {span(900).replace('15 minutes', 'a quarter of an hour')}",
            f"{span(300)} with fewer than {NUMBERS[20]} requests",
        ],
        "where-time-goes",
    ),
    "PortalThrottles": Alarm(one("AWS/Lambda", "Throttles", {"FunctionName": PORTAL}, "Sum", 60, 1), [], "what-the-api-refused"),
    "PortalErrors": Alarm(one("AWS/Lambda", "Errors", {"FunctionName": PORTAL}, "Sum", 300, 2), [OFTEN], "what-crashed"),
    "ApiFailures": Alarm(
        one("AWS/ApiGateway", "5xx", {"ApiId": API}, "Sum", 300, 5),
        [f"with 5xx {times(5)} within {span(300)}"],
        "what-the-api-refused what-failed",
    ),
    "StaleKeys": Alarm(one(OWN, "keys_age_ms", ON_PORTAL, "Maximum", 300, 5400 * 1000), [f"for {span(5400)}"], "what-is-stale"),
    "StaleSecret": Alarm(one(OWN, "secret_age_ms", ON_PORTAL, "Maximum", 300, 900 * 1000), [f"for {span(900)}"], "what-is-stale"),
    "InvalidTokens": Alarm(
        refused(ON_PORTAL, "invalid-token", 20, 0.5, 900),
        [f"{SHARES[0.5]} of the requests", f"at least {NUMBERS[20]} within {span(900)}"],
        "who-is-refused who-calls",
    ),
    "UsersWithoutAccount": Alarm(
        without_account(ON_PORTAL, 10, DEFAULT_PERCENT, 900),
        [f"({SHARES[DEFAULT_PERCENT / 100]}|{DEFAULT_PERCENT}%) of the users looked up", f"at least {NUMBERS[10]} within {span(900)}"],
        "who-is-refused what-a-release-changed which-customers-are-gone",
    ),
    "ApiThrottled": Alarm(
        one(OF_STACK, "throttled", {}, "Sum", 300, 10), [f"{NUMBERS[10]} requests with 429 within {span(300)}"], "who-calls what-the-api-refused"
    ),
    "ApiBusy": Alarm(
        several(f"IF(requests >= 0.8 * 60 * {DEFAULT_RATE}, 1, 0)", 60, {"requests": ("AWS/ApiGateway", "Count", {"ApiId": API}, "Sum")}),
        [f"for {span(60)}", rf"{SHARES[0.8]} of the ({DEFAULT_RATE} )?requests"],
        "who-calls",
    ),
    "EventsMissing": Alarm(
        several(
            "FILL(events, 0)", 3600, {"events": (OWN, "event_age_ms", ON_WEBHOOK, "SampleCount")}, "arrived",
            EvaluationPeriods=EXPECTED_WITHIN, ComparisonOperator="LessThanThreshold", TreatMissingData="breaching",
        ),
        [f"for (EventsExpectedWithin|{EXPECTED_WITHIN}) hours"],
        "what-events-did",
        WITH_EXPECTED_EVENTS,
    ),
    "WebhookFailures": Alarm(failing(ON_WEBHOOK, 5, 0.05, 300), TWENTIETH, "what-failed what-events-did", WITH_WEBHOOK),
    "WebhookMisconfigured": Alarm(
        one(OWN, "requests", ON_WEBHOOK | {"code": "webhook-misconfigured"}, "Sum", 60, 1), [], "what-failed", WITH_WEBHOOK
    ),
    "WebhookThrottles": Alarm(one("AWS/Lambda", "Throttles", {"FunctionName": WEBHOOK}, "Sum", 60, 1), [], "what-events-did", WITH_WEBHOOK),
    "WebhookErrors": Alarm(one("AWS/Lambda", "Errors", {"FunctionName": WEBHOOK}, "Sum", 300, 2), [OFTEN], "what-crashed what-failed", WITH_WEBHOOK),
    "WebhookStaleSecret": Alarm(
        one(OWN, "secret_age_ms", ON_WEBHOOK, "Maximum", 300, 900 * 1000), [f"for {span(900)}"], "what-is-stale", WITH_WEBHOOK
    ),
    "InvalidSignatures": Alarm(
        one(OWN, "requests", ON_WEBHOOK | {"code": "invalid-signature"}, "Sum", 300, 10),
        [f"{NUMBERS[10]} events within {span(300)}"],
        "what-events-did",
        WITH_WEBHOOK,
    ),
    "Conflicts": Alarm(one(OWN, "events", ON_WEBHOOK | {"effect": "conflict"}, "Sum", 300, 1), [], "who-conflicts", WITH_WEBHOOK),
    "DeadLetters": Alarm(
        one("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": QUEUE}, "Maximum", 300, 1), [], "what-failed", WITH_BUS
    ),
    # These alarms roll back a deployment. They are in template.yaml.
    "PortalVersionErrors": Alarm(of_version(PORTAL)[0], CRASHING, "what-crashed what-a-release-changed"),
    "PortalVersionFailures": Alarm(of_version(PORTAL)[1], FAILING, "what-a-release-changed what-failed"),
    "WebhookVersionErrors": Alarm(of_version(WEBHOOK)[0], CRASHING, "what-crashed", WITH_WEBHOOK),
    "WebhookVersionFailures": Alarm(of_version(WEBHOOK)[1], FAILING, "what-failed", WITH_WEBHOOK),
}

# The advice at the end of each alarm's description.
DOCTOR = "go run ./local doctor --stack billing-portal"
ADVICE = {
    "PortalFailures": "See which upstream fails in the dashboard, then run the query what-failed.",
    "PortalMisconfigured": f"Run the query what-failed and {DOCTOR}.",
    "PortalSlow": "Run the query where-time-goes.",
    "PortalThrottles": "Run the query what-the-api-refused; raise ReservedConcurrency or the account's limit.",
    "PortalErrors": "Run the query what-crashed; after a deployment, roll back.",
    "ApiFailures": "Run the query what-the-api-refused.",
    "StaleKeys": "Run the query what-is-stale.",
    "StaleSecret": "Run the query what-is-stale; restore the secret or the permission.",
    "InvalidTokens": "Run the query who-is-refused.",
    "UsersWithoutAccount": f"Check that the table has its items: {DOCTOR}. Run the query who-is-refused.",
    "ApiThrottled": "Run the query who-calls; raise ThrottlingRateLimit unless it is an attack.",
    "ApiBusy": "Run the query who-calls; raise ThrottlingRateLimit unless it is an attack.",
    "EventsMissing": f"Check that the endpoint or event destination is enabled: {DOCTOR}.",
    "WebhookFailures": "Stripe sends them again. Run the query what-failed.",
    "WebhookMisconfigured": f"Run the query what-failed and {DOCTOR}.",
    "WebhookThrottles": "Stripe sends the event again. Run the query what-events-did; if it lasts, raise WebhookReservedConcurrency.",
    "WebhookErrors": "Run the query what-crashed, then what-failed.",
    "WebhookStaleSecret": "Run the query what-is-stale; restore the secret or the permission.",
    "InvalidSignatures": "Run the query what-events-did.",
    "Conflicts": "Run the query who-conflicts, and delete the wrong customer at Stripe.",
    "DeadLetters": "Run the query what-failed, fix the cause, then send them again.",
    "PortalVersionErrors": "Run the query what-crashed.",
    "PortalVersionFailures": "Run the query what-a-release-changed.",
    "WebhookVersionErrors": "Run the query what-crashed.",
    "WebhookVersionFailures": "Run the query what-failed.",
}

# By resource: when it exists, the log group, the pattern, and the metric that counts matching lines.
FILTERS = {
    "ThrottledRequests": (ALWAYS, "<PortalApiLogGroup>", '{ $.status = "429" }', "throttled"),
    "FailedPortalStarts": (ALWAYS, "<PortalLogGroup>", '{ $.msg = "the function does not start" }', "failed_starts"),
    "FailedWebhookStarts": (WITH_WEBHOOK, "<WebhookLogGroup>", '{ $.msg = "the function does not start" }', "failed_starts"),
}

UNAVAILABLE = "customer-store-unavailable secrets-unavailable internal"
FAILED = "billing-misconfigured billing-unavailable billing-bad-response billing-busy identity-provider-unavailable upstream-timeout"
EFFECTS = "claimed unchanged conflict released deleted ignored"
REFUSED = (
    "invalid-request unknown-parameter invalid-parameter invalid-return-url missing-credentials invalid-token insufficient-scope "
    "insufficient-role cross-origin-request parameter-not-allowed not-found no-billing-account subscription-not-found "
    "subscription-ambiguous subscription-not-eligible flow-unavailable method-not-allowed payload-too-large unsupported-media-type"
)
OF_WEBHOOK = "invalid-signature invalid-request not-found method-not-allowed payload-too-large webhook-misconfigured"

# By name: when it exists, and the lines that it finds in each log group: codes, effects of processed events, or "warning" for a line
# outside a request. None stands for a log that the functions do not write, or for whole lines.
QUERIES = {
    "what-failed": (ALWAYS, {"Portal": f"{FAILED} {UNAVAILABLE} no-billing-account", "Webhook": f"webhook-misconfigured {UNAVAILABLE} conflict"}),
    "who-is-refused": (ALWAYS, {"Portal": REFUSED}),
    "where-time-goes": (ALWAYS, {"Portal": f"ok {REFUSED} {FAILED} {UNAVAILABLE}"}),
    "what-is-stale": (ALWAYS, {"Portal": "warning", "Webhook": "warning"}),
    "what-crashed": (ALWAYS, {"Portal": None, "Webhook": None, "Preflight": None}),
    "what-the-api-refused": (ALWAYS, {"PortalApi": None}),
    "who-calls": (ALWAYS, {"PortalApi": None}),
    "what-events-did": (WITH_WEBHOOK, {"Webhook": f"{EFFECTS} {OF_WEBHOOK} {UNAVAILABLE}"}),
    "who-conflicts": (WITH_WEBHOOK, {"Webhook": "conflict"}),
    "which-customers-are-gone": (ALWAYS, {"Portal": "no-billing-account"}),
    "what-preflight-found": (ALWAYS, {"Preflight": None}),
    "what-a-release-changed": (ALWAYS, {"Portal": f"ok {REFUSED} {FAILED} {UNAVAILABLE}"}),
}

# The output of each query, without its filter.
NEWEST = "| sort @timestamp desc | limit"
SHOWN = {
    "what-failed": "fields @timestamp, function, route, status, code, error, stripe_type, stripe_code, stripe_param, stripe_request_id, issuer_alias, "
    f"request_id, release {NEWEST} 200",
    "who-is-refused": "stats count(*) as requests by route, code, error, param | sort requests desc",
    "where-time-goes": "stats count(*) as requests, pct(duration_ms, 50) as p50, pct(duration_ms, 99) as p99, pct(auth_ms, 99) as auth_p99, "
    "pct(lookup_ms, 99) as lookup_p99, pct(secret_ms, 99) as secret_p99, pct(stripe_ms, 99) as stripe_p99, sum(cold_starts) as cold by route, bin(5m)",
    "what-is-stale": f"fields @timestamp, level, msg, reason, issuer_alias, keys_age_ms, secret_age_ms {NEWEST} 200",
    "what-crashed": f"fields @timestamp, @log, @message {NEWEST} 100",
    "what-the-api-refused": f"fields @timestamp, method, route, status, error_type, integration_status, request_id {NEWEST} 200",
    "who-calls": "stats count(*) as requests by source_ip, route, status | sort requests desc | limit 100",
    "what-events-did": "stats count(*) as events, pct(event_age_ms, 99) as age, max(@timestamp) as last by code, effect, event_type, warning "
    "| sort last desc",
    "who-conflicts": f"fields @timestamp, event_id, event_type, customer_ids.0, customer_ids.1 {NEWEST} 200",
    "which-customers-are-gone": "stats count(*) as requests by customer_id | sort requests desc",
    "what-preflight-found": f"fields @timestamp, @message {NEWEST} 200",
    "what-a-release-changed": "stats count(*) as requests, sum(failures) as failed, pct(duration_ms, 99) as p99 by route, release, version",
}


@dataclass
class Graph:
    lines: list  # in the format of described()
    marks: dict = None  # values of the horizontal lines, by label
    period: int = 300
    stacked: bool = False
    highest: int = None
    since: str = "-PT6H"


def described(line, period):
    """Returns a line of a graph as text: "label: metric", or "id = metric" if only an expression uses it."""
    *of, options = line
    what = options.get("expression") or " ".join([*of[:2], *map("=".join, zip(of[2::2], of[3::2])), options["stat"]])
    if options.get("period", period) != period:
        what += f" in {options['period']} s"
    if options.get("yAxis", "left") != "left":
        what += f" on the {options['yAxis']}"
    return f"{options['label']}: {what}" if options.get("visible", True) else f"{options['id']} = {what}"


def searched(name, dimension, function, without=""):
    """Returns a search for all metrics of a name, labelled by the values of a dimension."""
    search = f'SEARCH(\'{{BillingPortal,function,{dimension}}} MetricName="{name}" function="{function}"{without}\', \'Sum\', 300)'
    return f"${{PROP('Dim.{dimension}')}}: {search}"


GRAPHS = {
    "Failed: % of requests answered with 5xx": Graph(
        [
            f"pf = BillingPortal failures function={PORTAL} Sum",
            f"pr = BillingPortal requests function={PORTAL} Sum",
            f"wf = BillingPortal failures function={WEBHOOK} Sum",
            f"wr = BillingPortal requests function={WEBHOOK} Sum",
            "portal: 100 * pf / pr",
            "webhook: 100 * wf / wr",
        ],
        {f"alarm, if {NUMBERS[5]} or more failed": 5},
        highest=100,
    ),
    "Crashed functions: errors and failed starts": Graph(
        [
            f"portal: AWS/Lambda Errors FunctionName={PORTAL} Sum",
            f"webhook: AWS/Lambda Errors FunctionName={WEBHOOK} Sum",
            f"preflight: AWS/Lambda Errors FunctionName={PREFLIGHT} Sum",
            "failed starts: BillingPortal/billing-portal failed_starts Sum",
        ],
        {"alarm": 2},
    ),
    "Errors of the gateway": Graph(
        [
            f"5xx: AWS/ApiGateway 5xx ApiId={API} Sum",
            f"4xx: AWS/ApiGateway 4xx ApiId={API} Sum",
            "429, throttled: BillingPortal/billing-portal throttled Sum",
        ],
        {"alarm for 5xx": 5},
    ),
    "Users without an account: % of users looked up": Graph(
        [
            f"missing = BillingPortal requests function={PORTAL} code=no-billing-account Sum",
            f"lookups = BillingPortal lookup_ms function={PORTAL} SampleCount",
            f"lack = BillingPortal statuses function={PORTAL} account=false Sum",
            f"have = BillingPortal statuses function={PORTAL} account=true Sum",
            "no account: 100 * FILL(missing, 0) / lookups",
            "none, of billing statuses: 100 * FILL(lack, 0) / (FILL(lack, 0) + FILL(have, 0))",
        ],
        {f"alarm, if {NUMBERS[10]} or more have none": DEFAULT_PERCENT},
        period=900,
        highest=100,
    ),
    "Answers of the portal": Graph(
        [
            f"requests: BillingPortal requests function={PORTAL} Sum",
            f"failed (5xx): BillingPortal failures function={PORTAL} Sum",
            f"misconfigured: BillingPortal requests function={PORTAL} code=billing-misconfigured Sum",
            f"billing statuses: BillingPortal requests function={PORTAL} route=/billing/status Sum on the right",
            f"failed statuses: BillingPortal failures function={PORTAL} route=/billing/status Sum",
            f"no copy left in Lambda: AWS/Lambda Throttles FunctionName={PORTAL} Sum",
        ],
    ),
    "Which upstream fails?": Graph([searched("upstream_failures", "upstream", PORTAL)]),
    "Who is refused, and why? Answers by code": Graph([searched("requests", "code", PORTAL, ' NOT code="ok"')], stacked=True),
    "How fast? Milliseconds": Graph(
        [
            f"p50: BillingPortal duration_ms function={PORTAL} p50",
            f"p99: BillingPortal duration_ms function={PORTAL} p99",
        ],
        {"alarm for p99": 4000},
    ),
    "Where does the time go? p99 of each step, milliseconds": Graph(
        [
            f"issuer and token: BillingPortal auth_ms function={PORTAL} p99",
            f"DynamoDB: BillingPortal lookup_ms function={PORTAL} p99",
            f"Secrets Manager: BillingPortal secret_ms function={PORTAL} p99",
            f"Stripe: BillingPortal stripe_ms function={PORTAL} p99",
        ],
    ),
    "Cold starts": Graph(
        [
            f"portal: BillingPortal cold_starts function={PORTAL} Sum",
            f"webhook: BillingPortal cold_starts function={WEBHOOK} Sum",
        ],
    ),
    "Sessions by flow": Graph([searched("sessions", "flow", PORTAL)], stacked=True),
    "How old are keys and secrets? Seconds": Graph(
        [
            f"k = BillingPortal keys_age_ms function={PORTAL} Maximum",
            f"s = BillingPortal secret_age_ms function={PORTAL} Maximum",
            f"w = BillingPortal secret_age_ms function={WEBHOOK} Maximum",
            "issuer's keys: k / 1000",
            "Stripe key: s / 1000",
            "signing secret: w / 1000",
        ],
        {"alarm for the issuer's keys": 5400, "alarm for secrets": 900},
    ),
    "Stripe's events by effect": Graph([searched("events", "effect", WEBHOOK)], stacked=True),
    "Do events arrive in time? Age in seconds, and failures": Graph(
        [
            f"a = BillingPortal event_age_ms function={WEBHOOK} p99",
            "age, p99: a / 1000",
            f"failed (5xx): BillingPortal failures function={WEBHOOK} Sum on the right",
            f"in the dead-letter queue: AWS/SQS ApproximateNumberOfMessagesVisible QueueName={QUEUE} Maximum on the right",
        ],
    ),
    "What does it cost? Requests, GB-seconds and table units a day": Graph(
        [
            f"API requests: AWS/ApiGateway Count ApiId={API} Sum",
            f"d = AWS/Lambda Duration FunctionName={PORTAL} Sum",
            "GB-seconds of the portal: d / 1000 * 512 / 1024",
            "read units: AWS/DynamoDB ConsumedReadCapacityUnits TableName=<Customers> Sum",
            "write units: AWS/DynamoDB ConsumedWriteCapacityUnits TableName=<Customers> Sum",
        ],
        period=86400,
        since="-P14D",
    ),
}
