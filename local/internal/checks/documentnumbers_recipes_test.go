package checks

var _ = say("infra/README.md",
	// make deploy
	"Set `FirstDeployment` to `true`, and back to `false` when the first deployment has succeeded",
	"gets a {{share of a canary}} of the traffic for {{minutes of a canary}} (`DeploymentPreference`)",
	"if the new one crashes {{template.yaml Resources/PortalVersionErrors/Properties/Threshold}} within a minute, "+
		"or if it answers a tenth of its own requests, and at least three within five minutes, with 5xx",
	"about 10 MB of the [75 GB]",

	// Stack parameters

	// Custom domain, table, VPC, monitoring, Regions
	"For more than some ten thousand items",
	"cannot reach `codedeploy`, a deployment waits an hour",
	"draws the dashboard in four drills", "In the latter two, look up first",

	// Rights of the key, which doctor asks for in the same words
	"Customer portal: write | every session", "Subscriptions: read | flows about a subscription",
	"Products: read | the names of their products |",
	"Customers: read | `go run ./local import`, and doctor's sample",

	// Doctor
	"Requests take at most a fifth of the rate limit ({{doctor's requests in test mode}} a second in test mode, "+
		"{{doctor's requests in live mode}} in live mode)", "coupons take 20 seconds at most",
	"The exit status is 1 if there is a problem, and 0 if there are only warnings",
	"for two domains or paths",

	// Other tools
	"longer than the 51,200 bytes that a request", "the first ten characters of `Release`",
	"makes these ten characters",
	"up to {{slowest deployment}}, and up to an hour more", "`timeouts` are [30 minutes]",
)

var _ = say("infra/IDENTITY-PROVIDERS.md",
	"**The portal answers 401.**", "version 2 | the Frontend", "version 1 | the same | the same",
	"with the tenant's ID twice", "access token of your API, version 2", "the same, version 1 |",
	"Entra versions 1 and 2 of one tenant", "`JwtIssuerAliases` to up to {{app/portal.maxAliases}} others",
	"only tokens of this alias get a 503", "has `issuer_alias`, counted from 1,",
)

var _ = say("infra/CUSTOMERS.md",
	"You have tens of millions of customers",
	"an import may run twice", "The exit status is 1 if something was not imported", "in seconds since 1970",
	"Stripe's list of customers, {{importer.pageSize}} in each request",
	"For a user with more than {{customers.maxCustomers}} customers", "You decide two cases yourself",
)

var _ = say("infra/PORTAL.md",
	"A restricted key needs Customer portal: write",
	"(`{{file of parameters}}` without `--write`)",
	"creates nothing twice", "two runs at once can both create",
)

var _ = say("infra/RATE-LIMITS.md",
	"one limit of {{default ThrottlingRateLimit}} requests a second",
	"| [10,000 requests a second]", "sends refused events again for three days |",
	"| the function | {{upstream.budget}} a request, {{upstream.MaxConns}} connections to an upstream",
	"| [100 requests a second]", "in live mode, 25 in test mode, for the whole account",
	"a flow about a subscription two or three |", "to at most 30", "[3,000 reads a second]",

	// CloudFront and WAF
	"[with a 403]", "| two parameters |", "with OpenSSL 3", "it is valid for ten years",
	"the two truststore parameters", "as in step 1 above", "answers (303, CORS)",
	"CloudFront waits {{infra/edge.yaml "+
		"Resources/Distribution/Properties/DistributionConfig/Origins/0/CustomOriginConfig/OriginReadTimeout}} s for "+
		"an answer; the function takes at most {{template.yaml Resources/PortalFunction/Properties/Timeout}}.",
	"`sc-status` = 429 |", "Its 429 has `Retry-After`",
)

// What TestTheTableOfCostsIsMeasured of local/e2e/deployments multiplies. It also holds the table.
var _ = say("infra/COSTS.md",
	"For 10,000 users the stack costs about $34 a month, of which $33 is", // TestTheTableOfCostsIsMeasured
	"for one million requests and for three sizes",
	"in November 2026,", "has 10⁹ bytes",
	"{{price of a million calls of the API}} for a million requests, {{price of many calls of the API}} beyond 300 "+
		"million |",
	"on arm64 | {{price of a million invocations}} for a million requests and {{deployments.perGBSecond}} for a "+
		"GB-second, at {{default MemorySize}} MB |",
	"{{price of a million reads}} for a million reads, {{price of a million writes}} for a million writes, "+
		"{{deployments.perStoredGB}} for a GB that is stored",
	"{{deployments.perLoggedGB}} for a GB of logs and {{deployments.perKeptGB}} for keeping it 30 days (the table "+
		"counts {{days of logs in prod}}, as in the environment `prod`), {{deployments.perMetric}} for a metric, "+
		"{{deployments.perAlarmMetric}} for a metric of an alarm, "+
		"{{deployments.perDashboard}} for a dashboard |",
	"{{deployments.perSecret}} for a secret, {{price of ten thousand secrets}} for 10,000 reads |",
	"{{deployments.perSentGB}} for a GB |",
	"| $1.00 for a million requests | | [WAF]", "$5 for a web ACL, $1 for a rule, $0.60 for a million requests |",
	"Lambda's three and the API's, with the 26 bytes", "sees the button four times a month", "and causes 1.1 events",
	"Stripe takes {{deployments.stripeMilliseconds}} ms for a session, DynamoDB {{deployments.dynamoDBMilliseconds}} "+
		"ms for a call, the function itself {{deployments.ownMilliseconds}} ms",
	"they are kept for {{days of logs in prod}} days, as in the environment `prod`",
	"CloudFront's log for {{infra/edge.yaml Parameters/LogRetentionDays/Default}} days",
	"there are three times as many as the average load needs, and each reads its secret every {{secret.freshFor}}",
	"cold starts (0.2 s, $1.30 for a million)", "KMS keys at $1 a month", "($33 a month and $0.045 for a GB)",
	"**100 million users** are 154 page views, as many statuses, and 39 sessions a second",
)
