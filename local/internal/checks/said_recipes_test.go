package checks

// The recipes. The table of costs is held by TestTheTableOfCostsIsMeasured of package local.
var _ = say("infra/README.md",
	"The [README]", "has the five steps",

	// Tokens
	"if the portal answers 401", "version 2 | the Frontend", "version 1 | the same | the same",
	"with the tenant's ID twice", "access token of your API, version 2", "the same, version 1 |",
	"Entra versions 1 and 2 of one tenant", "`JwtIssuerAliases` has up to {{app/portal.maxAliases}} others",
	"only its tokens get 503", "has `issuer_alias`, from 1,",

	// Import
	"an import may run twice", "the exit status is 1 if something was not imported", "in seconds since 1970",
	"Stripe's list of customers, {{importer.pageSize}} a request",
	"For a user with more than {{customers.maxCustomers}} customers",

	// Rights: of the key, which doctor asks for in the same words, and of deployers.
	"Customer portal: write | every session", "Subscriptions: read | flows about a subscription",
	"Products: read | the names of their products |",
	"Customers: read | `go run ./local import`, and doctor's sample", "A restricted key needs Customer portal: write",
	"`FirstDeployment` is `true` until the first deployment has succeeded",

	// Portal configurations
	"(`{{file of parameters}}` without `--write`)",
	"creates nothing twice", "two runs at once can both create",

	// Doctor
	"take at most a fifth of its rate limit ({{doctor's requests in test mode}} a second in test mode, {{doctor's "+
		"requests in live mode}} in live mode)", "take 20 seconds at most",
	"The exit status is 1 where there is a problem, 0 where there are warnings alone",
	"for two domains or paths",

	// The stack
	"gives it a {{share of a canary}} for {{minutes of a canary}} (`DeploymentPreference`)",
	"takes it back when it crashes {{template.yaml Resources/PortalVersionErrors/Properties/Threshold}}, or fails a "+
		"tenth of its requests and at least three",
	"way to `codedeploy` a deployment waits an hour for preflight's report",
	"For more than some ten thousand items",
	"draws it in four drills", "in the latter two look up first",
	"about 10 MB of the [75 GB]",

	// Limits
	"the {{default ThrottlingRateLimit}} requests a second of a route",
	"| [10,000 requests a second]", "sends them again for three days |",
	"| the function | {{upstream.budget}} a request, {{upstream.MaxConns}} connections to an upstream",
	"| [100 requests a second]", "in live mode, 25 in test mode, for the whole account",
	"a flow about a subscription two or three |", "at most at 30 if they need", "[3,000 reads a second]",

	// CloudFront and WAF
	"[with a 403]", "| two parameters |", "(OpenSSL 3)", "it is valid for ten years", "empty the two parameters",
	"(step 1)", "answers (303, CORS)",
	"CloudFront waits {{infra/edge.yaml "+
		"Resources/Distribution/Properties/DistributionConfig/Origins/0/CustomOriginConfig/OriginReadTimeout}} s for "+
		"an answer; the function takes at most {{template.yaml Resources/PortalFunction/Properties/Timeout}}.",
	"`sc-status` = 429 |", "Its 429 has `Retry-After`",

	// Costs: what TestTheTableOfCostsIsMeasured multiplies
	"in November 2026,", "of 10⁹ bytes",
	"{{price of a million calls of the API}} for a million requests, {{price of many calls of the API}} beyond 300 "+
		"million;",
	"on arm64 {{price of a million invocations}} for a million and {{deployments.perGBSecond}} for a GB-second, at "+
		"{{default MemorySize}} MB;",
	"{{price of a million reads}} for a million reads, {{price of a million writes}} for a million writes, "+
		"{{deployments.perStoredGB}} for a GB that is stored",
	"{{deployments.perLoggedGB}} for a GB of logs and {{deployments.perKeptGB}} for keeping it 30 days, "+
		"{{deployments.perMetric}} for a metric, {{deployments.perAlarmMetric}} for a metric of an alarm, "+
		"{{deployments.perDashboard}} for a dashboard;",
	"{{deployments.perSecret}} for a secret, {{price of ten thousand secrets}} for 10,000 reads;",
	"{{deployments.perSentGB}} for a GB;",
	"$1.00 for a million requests; [WAF]", "$5 for a web ACL, $1 for a rule, $0.60 for a million requests.",
	"Lambda's three, the API's, with the 26 bytes", "sees the button four times a month", "and causes 1.1 events",
	"Stripe takes {{deployments.stripeMilliseconds}} ms for a session, DynamoDB {{deployments.dynamoDBMilliseconds}} "+
		"ms for a call, the function itself {{deployments.ownMilliseconds}} ms",
	"Copies are three times what the average load needs; each reads its secret every {{secret.freshFor}}",
	"starts (0.2 s, $1.30 for a million)", "KMS keys at $1 a month", "($33 a month and $0.045 for a GB)",
	"100 million users are 154 page views, as many statuses, and 39 sessions a second",

	// Other ways to deploy
	"longer than the 51,200 bytes that a request", "the first ten characters of `Release`",
	"makes these ten characters",
	"up to {{slowest deployment}}, and up to an hour more", "`timeouts` are [30 minutes by default]",
)
