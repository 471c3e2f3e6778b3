package app_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"billingportal/functions/app/preflight"
)

const noEndpoint = "finding: webhook endpoint problem no endpoint has a URL that ends in /stripe/webhook"

// playDoctor checks a portal and a webhook with the same variables.
func playDoctor(keys *issuers) scene {
	return func(t *testing.T, e *environment, seen *facts) {
		t.Helper()
		defer takeNetwork(&cloud{issuers: keys, seen: seen})()
		for _, finding := range (preflight.Examiner{Pause: noPause}).Doctor(t.Context(), e.get, e.get) {
			seen.add("finding: %s %s %s", finding.Name, finding.Status, finding.Detail)
		}
	}
}

// TestEverySettingThatTheChecksRead is the table of the variables that the checks of a deployment
// read.
func TestEverySettingThatTheChecksRead(t *testing.T) {
	keys := newIssuers(t)
	base := portalBase.with(webhookBase)
	maps.DeleteFunc(base, func(name, _ string) bool { return name == "AWS_LAMBDA_FUNCTION_NAME" })
	named := func(configurations ...string) (come []string) {
		for _, id := range configurations {
			come = append(come, "stripe GET /v1/billing_portal/configurations/"+id,
				"finding: portal configuration "+id+" problem there is no such configuration in this mode")
		}
		return come
	}
	objects := func(kind, path, problem string, ids ...string) (come []string) {
		for _, id := range ids {
			come = append(come, "stripe GET /v1/"+path+"/"+id, "finding: "+kind+" "+id+" problem "+problem)
		}
		return come
	}
	requireSettings(t, base, playDoctor(keys), slices.Concat(awsSettings, []setting{
		{variable: "AWS_REGION", value: "us-west-2", replaced: [][2]string{{"eu-central-1", "us-west-2"}}},
		{variable: "STRIPE_LIVEMODE", value: "true", also: variables{"STRIPE_SECRET_FIELD": "live"},
			replaced: [][2]string{{testKey, liveKey}}},
		{variable: "ALLOWED_CONFIGURATIONS", value: "bpc_1,bpc_2", come: named("bpc_1", "bpc_2")},
		{variable: "DEFAULT_CONFIGURATION", value: "bpc_1", with: variables{"ALLOWED_CONFIGURATIONS": "bpc_2"},
			gone: []string{savedSettings, "finding: portal settings ok saved and active", flowsOff},
			come: named("bpc_1")},
		{variable: "ALLOWED_ACCOUNTS", value: "acct_1,acct_2",
			come: objects("connected account", "accounts", "the Stripe key cannot access this "+
				"account", "acct_1", "acct_2")},
		{variable: "DEFAULT_ON_BEHALF_OF", value: "acct_1",
			come: objects("connected account", "accounts", "the Stripe key cannot access this account", "acct_1")},
		{variable: "ALLOWED_FLOWS", value: "payment_method_update", gone: []string{flowsOff},
			come: []string{"finding: flows ok every allowed flow is enabled: payment_method_update"}},
		{variable: "ALLOWED_COUPONS", value: "STAY20,OTHER",
			come: objects("coupon", "coupons", "it does not exist in this mode", "STAY20", "OTHER")},
		{variable: "ALLOWED_PROMOTION_CODES", value: "promo_0,promo_1",
			come: objects("promotion code", "promotion_codes", "it does not exist in this mode", "promo_0", "promo_1")},
		{variable: "CUSTOMERS_TABLE", value: "people", replaced: [][2]string{{"table customers", "table people"}}},
		{variable: "CUSTOMERS_KEY", value: "pk", replaced: [][2]string{
			{"key user_id=", "key pk="},
			{"key ok user_id (HASH)", "key problem the table's key is user_id (HASH), but " +
				"the configured key is pk (HASH)"},
		}},
		{variable: "CUSTOMERS_KEY_FORMAT", value: "USER#{user}",
			replaced: [][2]string{{"key user_id=", "key user_id=USER#"}}},
		{variable: "CUSTOMERS_SORT_KEY", value: "sk=BILLING", replaced: [][2]string{
			{"key user_id=", "key sk=BILLING user_id="},
			{"key ok user_id (HASH)",
				"key problem the table's key is user_id (HASH), but the configured key is user_id (HASH), sk (RANGE)"},
		}},
		{variable: "CUSTOMERS_ATTRIBUTE", value: "billing.customer",
			replaced: [][2]string{{"attribute customer_id", "attribute billing"}}},
		{variable: "STRIPE_SECRET_ID", value: "other/stripe",
			replaced: [][2]string{{"of billing-portal/stripe", "of other/stripe"}}},
		{variable: "STRIPE_SECRET_FIELD", value: "other", replaced: [][2]string{{testKey, otherKey}}},
		{variable: "STRIPE_API_BASE", value: "https://stripe.example.com",
			replaced: [][2]string{{"https://api.stripe.com", "https://stripe.example.com"}}},
		{variable: "JWT_ISSUER", value: address("other-issuer"),
			replaced: [][2]string{{"issuer.example.com", "other-issuer.example.com"}}},
		{variable: "JWT_ISSUER_ALIASES", value: address("alias") + "," + address("down"), come: []string{
			"keys: GET https://alias.example.com/.well-known/openid-configuration",
			"keys: GET https://alias.example.com/jwks.json",
			"keys: GET https://down.example.com/.well-known/openid-configuration",
			"finding: keys of the issuer's alias 1 ok usable: ES256",
			"finding: keys of the issuer's alias 2 warning discovery: answered 404",
		}},
		{variable: "JWT_JWKS", value: keys.sets["issuer"], gone: keyFacts[:2]},
		{variable: "JWT_JWKS_URL", value: "https://keys.example.com/set.json", gone: keyFacts[:2],
			come: []string{"keys: GET https://keys.example.com/set.json"}},
		{variable: "WEBHOOK_SECRET_ID", value: "billing-portal/other-webhook",
			replaced: [][2]string{{"of billing-portal/webhook", "of billing-portal/other-webhook"}}},
		{variable: "STRIPE_EVENT_SOURCE", value: eventSource, come: []string{
			"stripe GET /v2/core/event_destinations/ed_1",
			"finding: event destination problem no event destination in this mode has the ID that " +
				"STRIPE_EVENT_SOURCE ends with",
		}},
		{variable: "WEBHOOK_SECRET_ID", value: "", with: variables{"STRIPE_EVENT_SOURCE": eventSource}, gone: []string{
			"finding: signing secrets ok it can be read and is well-formed",
			"secretsmanager GetSecretValue of billing-portal/webhook",
			"finding: thin events ok no event destination sends thin events", noEndpoint,
			"stripe GET /v1/webhook_endpoints?limit=100", destinations,
		}},
		{variable: "STRIPE_ACCOUNT", value: "acct_1", gone: []string{noEndpoint}, come: []string{
			"stripe GET /v1/account",
			"finding: STRIPE_ACCOUNT problem stripe: the request is refused, and no parameter is named",
			"finding: webhook endpoint warning this account has none, and the Stripe " +
				"key cannot see those of its organization",
		}},
		{variable: "BASE_PATH", value: "/v1", replaced: [][2]string{{" /stripe/webhook", " /v1/stripe/webhook"}}},
		{variable: "CLIENT_REFERENCES", value: "none", gone: []string{sessionReferences},
			come: []string{"finding: CLIENT_REFERENCES ok no client_reference_id names a user"}},
	}, withoutChecks(variables{
		"AWS_LAMBDA_FUNCTION_NAME": "function", "AWS_LAMBDA_FUNCTION_VERSION": "7", "RELEASE": "v1",
		"LOG_LEVEL": "error", "PORTAL_HOSTS": "pay.example.com",
		"JWT_AUDIENCE": "other", "JWT_USER_CLAIM": "org_id", "JWT_REQUIRED_SCOPE": "x", "JWT_REQUIRED_CLAIM": "a=b",
		"SESSION_COOKIE":     "session",
		"ALLOWED_ORIGINS":    "https://app.example.com,https://b.example.com",
		"DEFAULT_RETURN_URL": "https://app.example.com/second",
		"NO_ACCOUNT_URL":     "https://example.com/pricing", "USER_METADATA_KEY": "uid",
	})))
}

// withoutChecks are settings that affect only callers and the log.
func withoutChecks(values variables) []setting {
	var settings []setting
	for _, name := range slices.Sorted(maps.Keys(values)) {
		settings = append(settings, setting{variable: name, value: values[name], nothing: "no check depends on it"})
	}
	return settings
}

// The clock is compared with the clocks of Stripe and AWS, each of which may be wrong.
func TestTheClockIsComparedWithStripeAndAWS(t *testing.T) {
	keys := newIssuers(t)
	defer takeNetwork(&cloud{issuers: keys, seen: &facts{}, stripeTime: time.Now().Add(-time.Hour)})()
	values := &environment{values: portalBase}
	for _, finding := range (preflight.Examiner{Pause: noPause}).Doctor(t.Context(), values.get, nil) {
		if finding.Name == "clock" && finding.Status == preflight.OK {
			t.Errorf("%+v", finding)
		}
	}
}
