package checks

// What an alarm means is held to the alarms by .ci/template/test_watched.py.
var _ = say("infra/RUNBOOK.md",
	"version 2, with credentials",
	"no line of `what-failed` for ten minutes",
	"A corrected secret works within {{secret.renewalRest}}", "exits with 0",
	"ran out of its {{template.yaml Resources/PortalFunction/Properties/Timeout}} s",
	"no throttles for five minutes",
	"age of the Stripe key falls below {{secret.freshFor}}", "of the webhook falls below {{secret.freshFor}}",
	"The one at hand serves for {{secret.usableFor}};", "the one at hand serves for {{secret.usableFor}}.",
	"The old ones serve until {{auth.staleFor}} after their own time", "that name get 503",
	"have the status 429", "finds no new 429",
	"it works within {{secret.renewalRest}}",
	"What was refused {{tries of the bus}} times lies in the queue",
	"given up after {{tries of the bus}} tries and lie in the queue for {{template.yaml "+
		"Resources/WebhookDeadLetters/Properties/MessageRetentionPeriod}}",
	"Sending one twice changes nothing",
	// A word decides here whether an event is lost, or a secret that still counts is taken away.
	"correct the cause first. Then repeat this until the first command prints no message.",
	"gives its event (that is `requestPayload`, or the whole body of a message from EventBridge) to the function, "+
		"and deletes the message if the answer has no `FunctionError`",
	"put it into the secret, look at `secret_age_ms` or wait",
	"roll it at Stripe with an overlap, and put both into the secret as a JSON list until the overlap is over",
	"`warning` on lines with the effect `ignored`",
	"put the issuer's key set into `JwtJwks` (and nothing into `JwtJwksUrl`)",
	"Expire the key at Stripe now, and make another", "A signing secret: roll it without overlap",

	// Procedures
	"or with `customer_creation=always`", // https://docs.stripe.com/api/checkout/sessions/create
	"compares the two releases", "what the last two releases use",
	"stands still for more than two minutes at its hook", // PreflightFunction has a Timeout of 120 s
	"CodeDeploy would wait an hour",
	"wait {{secret.freshFor}}, and only then expire the old one",
	"the secret: it works within {{secret.renewalRest}}",
	"502 `billing-unavailable` or 504 with a page",
	"until {{auth.staleFor}} after their time; new copies of the function answer 503, never 401",
	"together may have [4 KB]",
	"An RSA key of {{auth.minRSABits}} bits then takes about 450 bytes, and there is room for six",
	"Swap the two",
	"A user with {{customers.maxCustomers}} customers may be in the items of more",
	"repeat step 4 for the users", "Repeat step 4 then", "the move itself is step 6", "the certificate of step 3",
	"the two values that step 4 prints",
	"There are three consequences", "answered 404 for a second", "two that change a user", "treats it as two keys",
	"the second must answer 401", "two regions can serve at once",

	// Stripe's: https://docs.stripe.com/webhooks#automatic-retries,
	// https://docs.stripe.com/workbench/event-destinations
	"for three days in live mode (in test mode three times, over a few hours)",
	"in live mode for up to three days", "**Wait three days**",
	"only in live mode for three days", "for three days in live mode, three times over a few hours in test mode",
	"Stripe keeps them for 30 days",
	// AWS's:
	// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
	"end after 35 days", "needs three regions", "Route 53",

	// Monitoring. .ci/template counts metrics and alarms.
	"at most 89 custom metrics of {{deployments.perMetric}} ({{price of all metrics}}; a quiet deployment has about "+
		"30,",
	"the alarms look at 32 metrics of {{deployments.perAlarmMetric}} ({{price of all alarms}}), a dashboard "+
		"{{deployments.perDashboard}}",

	// What the caller gets. TestFaults and TestFrozen show the answers.
	"each of more than 300 faults",
	"503 `identity-provider-unavailable` within {{a wait for keys}}, never 401 | keys serve on for "+
		"{{auth.staleFor}}, then 503; a hang costs a request at most {{refresh.patience}} |",
	"500 `billing-misconfigured` after 1 try; the log line says which service, operation and class | the same; a key "+
		"that is at hand serves on for {{secret.usableFor}} |",
	"a corrected one works at once | the key serves on for {{secret.usableFor}}, then 500 |",
	"5xx and lost connections are tried {{app/internal/config.dynamoDBTries}} times | the same |",
	"5xx and lost connections are tried {{app/internal/config.secretsManagerTries}} | the key serves on for "+
		"{{secret.usableFor}}, with a warning {{secret.warningRest}}, then 503 |",
	"| 504 `upstream-timeout` | the same, then 504; it costs a request at most {{refresh.patience}} |",
	"502 `billing-unavailable` after {{billing.maxTries}} tries under one idempotency key",

	// What Stripe gets for an event. TestWebhookFaults shows the answers.
	"it is a function error, tried {{template.yaml Resources/WebhookRetries/Properties/MaximumRetryAttempts}} more",
	"for one delivery is a 503, and the next delivery continues",
	"signing secrets at hand serve on for {{secret.usableFor}} |",
	"those at hand serve on for {{secret.usableFor}}, then 500 |",
	"the signing secrets serve on for {{secret.usableFor}}; a hang costs an event at most {{refresh.patience}} |",
	"a signature that does not fit, at most once in {{secret.renewalRest}} |",
	"one more than {{internal/webhook.tolerance}} old or ahead | 400",
	"of the future (more than {{internal/webhook.tolerance}}) | Live mode: 200, effect `ignored`",
	"A thin event | 200, effect `ignored`", "a checkout without a customer | 200, effect `ignored`",
	"It is set: 200, and only", "or that names nobody | 200, effect `ignored`",
	"several customers that count | 200, effect `conflict`",
	"after {{customers.maxRaces}} races",

	// How long anything takes
	"| issuer | {{auth.tryTimeout}} | {{auth.tries}} | its keys: their `max-age`, {{auth.minFreshness}} to "+
		"{{auth.maxFreshness}}, {{auth.defaultFreshness}} without one; {{auth.staleFor}} while it fails |",
	"| DynamoDB | {{app/internal/config.dynamoDBTryTimeout}} | {{app/internal/config.dynamoDBTries}} | nothing |",
	"| Secrets Manager | {{app/internal/config.secretsManagerTryTimeout}} | "+
		"{{app/internal/config.secretsManagerTries}} | the Stripe key and the signing secrets: {{secret.freshFor}}, "+
		"or until one is refused; {{secret.usableFor}} while it fails |",
	"| Stripe | {{billing.tryTimeout}} | {{billing.maxTries}} under one idempotency key:",
	"| a request as a whole | {{upstream.budget}}, or the function's time less {{upstream.reserve}} |",
)
