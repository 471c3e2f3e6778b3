package checks

// .ci/template/test_watched.py compares the meaning of each alarm with the alarm.
var _ = say("infra/RUNBOOK.md",
	"version 2, with credentials",
	"`what-failed` shows no line for ten minutes",
	"A corrected secret works within {{secret.renewalRest}}", "exits with 0",
	"exceeded its {{template.yaml Resources/PortalFunction/Properties/Timeout}} s timeout",
	"no throttles for five minutes",
	"age of the Stripe key falls below {{secret.freshFor}}", "of the webhook falls below {{secret.freshFor}}",
	"The cached key serves for {{secret.usableFor}}.", "The cached one serves for {{secret.usableFor}}.",
	"The old keys serve until {{auth.staleFor}} after they expired", "that name get 503",
	"in the dashboard falls below {{seconds of stale keys}}, the alarm's threshold",
	"below about {{auth.maxFreshness}}: keys are fetched again when their `max-age` is over, after "+
		"{{auth.maxFreshness}}",
	"have the status 429", "finds no new 429",
	"`WebhookSecretId` names. It works within {{secret.renewalRest}}",
	"Events that were refused {{tries of the bus}} times are in the queue",
	"after {{tries of the bus}} tries. The queue keeps them for {{template.yaml "+
		"Resources/WebhookDeadLetters/Properties/MessageRetentionPeriod}}",
	"Sending an event twice changes nothing",
	// A wrong word here would lose an event, or remove a secret that is still in use.
	"correct the cause first. 2. Take a message",
	"The event is `requestPayload`, or the whole body if the message comes from EventBridge",
	"3. If the answer has no `FunctionError`, delete the message",
	"4. Repeat steps 2 and 3 until the first command prints no message", "Instead of steps 2 to 4",
	"2. Put it into the secret. 3. Look at `secret_age_ms`, or wait {{secret.freshFor}}. 4. Only then expire the old",
	"1. Roll it at Stripe with an overlap. 2. Put both values into the secret as a JSON list, and keep them there "+
		"until the overlap is over",
	"On lines with the effect `ignored`, `warning` says why",
	"2. Put the line into `.deploy/prod.toml`, leave `JwtJwksUrl` empty",
	"Expire the key at Stripe now, and create another", "If the signing secret leaked, roll it without an overlap",

	// Procedures
	"or with `customer_creation=always`", // https://docs.stripe.com/api/checkout/sessions/create
	"to compare the two releases", "Do not run it twice", "what the last two releases use",
	"hangs at its hook for more than two minutes", // PreflightFunction has a Timeout of 120 s
	"CodeDeploy would wait an hour",
	"the new key into the secret. It works within {{secret.renewalRest}}",
	"502 `billing-unavailable` or 504, with a page",
	"until {{auth.staleFor}} after the keys expired. New copies of the function answer 503, never 401",
	"together may have [4 KB]",
	"An RSA key of {{auth.minRSABits}} bits then takes about 450 bytes, and six keys fit",
	"Swap the two",
	"A user with {{customers.maxCustomers}} customers may be in the items of more",
	"repeat step 4 for the users", "Repeat step 4 then", "with steps 1 to 5; the move itself is step 6",
	"the certificate of step 3",
	"the two values that step 4 prints",
	"There are three consequences", "answered 404 for a second", "If two Regions change a user",
	"treats it as two keys",
	"the second must answer 401", "two Regions can serve at once",

	// Stripe's: https://docs.stripe.com/webhooks#automatic-retries,
	// https://docs.stripe.com/workbench/event-destinations
	"for three days in live mode (in test mode three times, over a few hours)",
	"in live mode for up to three days", "**Wait three days**",
	"only in live mode for three days", "for three days in live mode, three times over a few hours in test mode",
	"Stripe keeps them for 30 days",
	// AWS's:
	// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
	"end after 35 days", "needs three Regions", "Route 53",

	// Monitoring. .ci/template counts metrics and alarms.
	"at most 89 custom metrics of {{deployments.perMetric}} ({{price of all metrics}}; a quiet deployment has about "+
		"30,",
	"the alarms look at 32 metrics of {{deployments.perAlarmMetric}} ({{price of all alarms}}), a dashboard "+
		"{{deployments.perDashboard}}",

	// Responses during a failure. TestFaults and TestFrozen show the answers.
	"each of more than 300 faults",
	"503 `identity-provider-unavailable` within {{a wait for keys}}, never 401 | the keys serve for "+
		"{{auth.staleFor}}, then 503; a hang costs a request at most {{refresh.patience}} |",
	"500 `billing-misconfigured` after 1 try; the log line says which service, operation and class | the same; a "+
		"cached key serves for {{secret.usableFor}} |",
	"a corrected one works at once | the key serves for {{secret.usableFor}}, then 500 |",
	"5xx and lost connections are tried {{app/internal/config.dynamoDBTries}} times | the same |",
	"5xx and lost connections are tried {{app/internal/config.secretsManagerTries}} | the key serves for "+
		"{{secret.usableFor}}, with a warning {{secret.warningRest}}, then 503 |",
	"| 504 `upstream-timeout` | the same, then 504; it costs a request at most {{refresh.patience}} |",
	"502 `billing-unavailable` after {{billing.maxTries}} tries under one idempotency key",

	// Webhook responses during a failure. TestWebhookFaults shows the answers.
	"Lambda tries it {{template.yaml Resources/WebhookRetries/Properties/MaximumRetryAttempts}} more",
	"for one delivery, the answer is a 503, and the next delivery continues",
	"cached signing secrets serve for {{secret.usableFor}} |",
	"the cached ones serve for {{secret.usableFor}}, then 500 |",
	"the signing secrets serve for {{secret.usableFor}}; a hang costs an event at most {{refresh.patience}} |",
	"a signature that does not match, the secret is fetched again, at most once in {{secret.renewalRest}} |",
	"it is more than {{internal/webhook.tolerance}} old or ahead | 400",
	"from the future (more than {{internal/webhook.tolerance}}) | Live mode: 200, effect `ignored`",
	"A thin event | 200, effect `ignored`", "a checkout without a customer | 200, effect `ignored`",
	"It is set: 200, and only", "or that names no user | 200, effect `ignored`",
	"several customers that count | 200, effect `conflict`",
	"after {{customers.maxRaces}} races",

	// Timeouts, retries and caches
	"| issuer | {{auth.tryTimeout}} | {{auth.tries}} | its keys: their `max-age`, {{auth.minFreshness}} to "+
		"{{auth.maxFreshness}}, {{auth.defaultFreshness}} without one; {{auth.staleFor}} while it fails |",
	"| DynamoDB | {{app/internal/config.dynamoDBTryTimeout}} | {{app/internal/config.dynamoDBTries}} | nothing |",
	"| Secrets Manager | {{app/internal/config.secretsManagerTryTimeout}} | "+
		"{{app/internal/config.secretsManagerTries}} | the Stripe key and the signing secrets: {{secret.freshFor}}, "+
		"or until one is refused; {{secret.usableFor}} while it fails |",
	"| Stripe | {{billing.tryTimeout}} | {{billing.maxTries}} under one idempotency key:",
	"| a whole request | {{upstream.budget}}, or the function's time less {{upstream.reserve}} |",
)
