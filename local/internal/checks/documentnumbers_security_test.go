package checks

var _ = say(".github/SECURITY.md",
	// from the tables of algorithms and keys in package auth
	"RS, PS and ES 256 to 512, EdDSA and Ed25519", "P-256, P-384, P-521, Ed25519",
	"All of the 325 invalid asymmetric signatures and 10 invalid keys", // TestWycheproof counts them
	"segments in at most {{auth.maxTokenBytes}}", "a user of 1 to {{auth.maxUserIDLength}} characters",
	"`nbf` and `iat` get {{auth.leeway}}",
	"RSA of {{auth.minRSABits}} to {{auth.maxRSABits}} bits",
	"redirects, in at most {{auth.maxBodyBytes}}.",
	"Once in {{auth.cooldown}} for each name of the issuer",
	"Those of three providers that the tests run", // the row names a test for each
	"by one of the secrets, within {{internal/webhook.tolerance}};",
	"{{customers.manyHistories}} random histories",
	"The limits are {{params.MaxBodySize}}, measured before it is decoded, {{params.maxNames}} names, "+
		"{{params.maxDepth}} levels",
	"Answers of AWS have at most {{upstream.maxAnswerSize}}, those of Stripe {{billing.maxAnswerSize}};",
	"at most {{upstream.MaxConns}} connections lead to each",
	"IDs of at most {{customers.maxUsers}} users who claim it",
	"`LogRetentionDays` ({{default LogRetentionDays}}; {{days of logs in prod}} in the environment `prod`) | | the "+
		"API's",
	"request ID | `LogRetentionDays` ({{default LogRetentionDays}}; {{days of logs in prod}} in the environment "+
		"`prod`)",
	"`LogRetentionDays` of edge.yaml ({{infra/edge.yaml Parameters/LogRetentionDays/Default}})",
	"| {{template.yaml Resources/WebhookDeadLetters/Properties/MessageRetentionPeriod}} | | files that an operator "+
		"names",

	"Never HS, never `none`, never a key from the token's own header", "no `typ` other than `JWT` and `at+jwt`",
	"Set `FirstDeployment` to `false` afterwards",

	// AWS's own:
	// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html,
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html,
	// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html
	"backups of the table (point-in-time recovery) | the same | 35 days", "CloudWatch's 15 months",
	"IDs of requests | 30 days",
	"Route 53", "Java {{java version}};",
)
