package checks

var _ = say("infra/CONFIGURATION.md",
	"one on a line", "once, at start. One error names", "up to {{app/portal.maxAliases}} [other names]",
	"must have at least one of them: in `aud`, or if that is absent or empty in `client_id` or `azp`",
	"be or contain one of the values", "on one of these origins", "the one for other requests",

	// Rights of the key, and whom events may name. preflight asks for the same rights.
	"It needs these permissions and no others: write access to the customer portal; for flows about a subscription, "+
		"and "+
		"for a status with subscriptions, read access to subscriptions; for the names of their products, read access "+
		"to products.",
	"encrypt the two secrets and the table",
	"has one item for each paying user", "shares one customer",
	"The webhook function writes two attributes", "facts about at most {{customers.maxCustomers}} customers",
	"the first {{customers.maxUsers}} users who claim", "no user may have an ID like `cus_…`", "until the first event",
	"Metadata takes precedence over `client_reference_id`. Of several metadata claims the newest counts; of several "+
		"references the oldest. Deleted customers are ignored.",
	"late, twice or in any order", "Choose one of two ways", "After the first deployment",
	"| Checkout Sessions that no Payment Link made (the default) | only your server makes such sessions |",
	"you use a pricing table, or another app of the same Stripe account makes sessions",
	"you trust everyone who can open your links, because they can name any user |",

	// Parameters
	"`prod` keeps logs for {{days of logs in prod}} days",
	"the Route 53 zone for the domain's record",
	"within 15 minutes, and at least ten, have no customer | {{default UsersWithoutAccountPercent}} |",
	"this number of hours, at most {{template.yaml Parameters/EventsExpectedWithin/MaxValue}}; 0: never | {{default "+
		"EventsExpectedWithin}} |",
	"days to keep the logs; KMS key that encrypts them | {{default LogRetentionDays}}, CloudWatch's |",
	"its share of the CPU grows with it | {{default MemorySize}} |",
	"[answers 429] to more | {{default ThrottlingRateLimit}}, {{default ThrottlingBurstLimit}} |",
	"[answers 429] to more | {{default StatusThrottlingRateLimit}}, {{default StatusThrottlingBurstLimit}} |",
	"[answers 429] to more | {{default WebhookThrottlingRateLimit}}, {{default WebhookThrottlingBurstLimit}} |",
)
