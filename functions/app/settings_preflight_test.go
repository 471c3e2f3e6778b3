package app_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"billingportal/functions/app/internal/config/configtest"
)

const (
	portalFunction      = "arn:aws:lambda:eu-central-1:123456789012:function:portal"
	otherPortalFunction = "arn:aws:lambda:eu-central-1:123456789012:function:other-portal"
	webhookVersion      = "arn:aws:lambda:eu-central-1:123456789012:function:webhook:8"
	otherWebhookVersion = "arn:aws:lambda:eu-central-1:123456789012:function:other-webhook:8"
)

// preflightBase has a value for every variable that the hook requires.
var preflightBase = variables{
	"AWS_REGION":               "eu-central-1",
	"AWS_ACCESS_KEY_ID":        "AKIDFIRST",
	"AWS_SECRET_ACCESS_KEY":    firstAccessKey,
	"AWS_SESSION_TOKEN":        firstSessionToken,
	"AWS_LAMBDA_FUNCTION_NAME": "CodeDeployHook_first",
	"PORTAL_FUNCTION":          portalFunction + ":8",
	"WEBHOOK_FUNCTION":         webhookVersion,
}

// ofVersion returns the variables that the template sets for a version.
func ofVersion(base variables) variables {
	own := maps.Clone(base)
	maps.DeleteFunc(own, func(name, _ string) bool { return len(name) > 4 && name[:4] == "AWS_" })
	return own
}

// playPreflight calls the hook as CodeDeploy does.
func playPreflight(keys *issuers) scene {
	return func(t *testing.T, e *environment, seen *facts) {
		t.Helper()
		defer takeNetwork(&cloud{issuers: keys, seen: seen, variables: map[string]variables{
			portalFunction + ":8":         ofVersion(portalBase),
			otherPortalFunction + ":8":    ofVersion(portalBase.with(variables{"CUSTOMERS_TABLE": "others"})),
			portalFunction + ":live":      ofVersion(portalBase.with(variables{"CUSTOMERS_TABLE": "live-customers"})),
			otherPortalFunction + ":live": ofVersion(portalBase.with(variables{"CUSTOMERS_TABLE": "live-customers"})),
			webhookVersion:                ofVersion(webhookBase),
			otherWebhookVersion: ofVersion(webhookBase.with(variables{
				"WEBHOOK_SECRET_ID": "billing-portal/other-webhook",
			})),
		}})()
		written := &configtest.Log{}
		handler, err := assemblies["preflight"](t.Context(), e.get, written)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		answer, err := handler.Invoke(ctx, []byte(`{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"e-1"}`))
		seen.add("hook: %s %v", answer, err)
		for _, line := range written.Lines(t) {
			seen.add("%s: %v %v %v", line["msg"], line["name"], line["status"], line["detail"])
		}
		requireSilence(t, written.String())
	}
}

// TestTheHookAsksAndFinds has every check of a healthy portal and webhook, and the requests that
// the check makes. The new table is empty, and the live one is not.
func TestTheHookAsksAndFinds(t *testing.T) {
	seen := &facts{}
	playPreflight(newIssuers(t))(t, &environment{values: preflightBase}, seen)
	var got []string
	for _, fact := range seen.list() {
		if finding, _, isFinding := strings.Cut(fact, " ok "); isFinding {
			fact = finding
		}
		if !strings.Contains(fact, " at https://") {
			got = append(got, fact)
		}
	}
	want := []string{
		`codedeploy PutLifecycleEventHookExecutionStatus ` +
			`{"deploymentId":"d-1","lifecycleEventHookExecutionId":"e-1","status":"Failed"}`,
		"dynamodb DescribeTable of table customers",
		"dynamodb GetItem of attribute customer_id",
		"dynamodb GetItem of key user_id=billing-portal-preflight",
		"dynamodb GetItem of table customers",
		"dynamodb Scan of table customers",
		"dynamodb Scan of table live-customers",
		"finding: CLIENT_REFERENCES",
		"finding: Stripe key",
		"finding: Stripe key's secret",
		"finding: a sample of the mapping",
		"finding: clock",
		"finding: customers table",
		"finding: customers table's key",
		flowsOff,
		"finding: issuer's keys",
		"finding: live version's table problem the new table customers (user_id) is empty, and the live version uses " +
			"live-customers (user_id): " +
			"every user would be without a billing account",
		"finding: permission to create portal sessions",
		"finding: permission to read products",
		"finding: permission to read subscriptions",
		"finding: portal settings",
		"finding: portal's answer",
		"finding: portal's variables",
		"finding: portal's version",
		"finding: signing secrets",
		"finding: thin events",
		"finding: webhook endpoint warning no endpoint has a URL that ends in /stripe/webhook",
		"finding: webhook's answer",
		"finding: webhook's variables",
		"finding: webhook's version",
		"hook: null <nil>",
		"keys: GET https://issuer.example.com/.well-known/openid-configuration",
		"keys: GET https://issuer.example.com/jwks.json",
		"lambda configuration of " + portalFunction + ":8",
		"lambda configuration of " + portalFunction + ":live",
		"lambda configuration of " + webhookVersion,
		"lambda invocations of " + portalFunction + ":8",
		"lambda invocations of " + webhookVersion,
		"report: <nil> Failed <nil>",
		"secretsmanager GetSecretValue of billing-portal/stripe",
		"secretsmanager GetSecretValue of billing-portal/webhook",
		"session: customer=cus_NobodyBillingPortalPreflight",
		savedSettings,
		"stripe GET /v1/products?limit=1",
		"stripe GET /v1/subscriptions?limit=1",
		"stripe GET /v1/webhook_endpoints?limit=100",
		destinations,
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestEverySettingOfPreflight holds the effect of every variable of the hook: a second value of
// each must change exactly these facts.
func TestEverySettingOfPreflight(t *testing.T) {
	requireSettings(t, preflightBase, playPreflight(newIssuers(t)), slices.Concat(awsSettings, []setting{
		{variable: "AWS_REGION", value: "us-west-2",
			replaced: [][2]string{{".eu-central-1.", ".us-west-2."}, {"of eu-central-1", "of us-west-2"}}},
		{variable: "AWS_ENDPOINT_URL_LAMBDA", value: "https://lambda.example.com",
			replaced: [][2]string{{"lambda.eu-central-1.amazonaws.com", "lambda.example.com"}}},
		{variable: "AWS_ENDPOINT_URL_CODEDEPLOY", value: "https://codedeploy.example.com/one",
			replaced: [][2]string{{"codedeploy.eu-central-1.amazonaws.com/", "codedeploy.example.com/one"}}},
		{variable: "AWS_LAMBDA_FUNCTION_NAME", value: "CodeDeployHook_second", nothing: "the hook has no metrics"},
		{variable: "AWS_LAMBDA_FUNCTION_VERSION", value: "7", nothing: "the hook has no metrics"},
		{variable: "PORTAL_FUNCTION", value: otherPortalFunction + ":8",
			replaced: [][2]string{{portalFunction, otherPortalFunction}, {"table customers", "table others"}}},
		{variable: "WEBHOOK_FUNCTION", value: otherWebhookVersion,
			replaced: [][2]string{{webhookVersion, otherWebhookVersion},
				{"of billing-portal/webhook", "of billing-portal/other-webhook"}}},
		{variable: "WEBHOOK_FUNCTION", value: "", gone: slices.Concat(webhookFindings, []string{
			"lambda configuration of " + webhookVersion, "lambda invocations of " + webhookVersion,
			"finding: webhook's version ok version 8",
			"finding: webhook's answer ok it refuses a request without credentials with 400",
			"secretsmanager GetSecretValue of billing-portal/webhook",
		})},
	}))
}

// webhookFindings are the requests and findings that need a webhook.
var webhookFindings = []string{
	"finding: webhook's variables ok all variables are set and valid",
	"finding: signing secrets ok it can be read and is well-formed",
	sessionReferences,
	"finding: thin events ok no event destination sends thin events",
	"finding: webhook endpoint warning no endpoint has a URL that ends in /stripe/webhook",
	"stripe GET /v1/webhook_endpoints?limit=100",
	destinations,
	"stripe at https://api.stripe.com with " + testKey + ", version 2024-10-28.acacia",
}

const (
	destinations  = "stripe GET /v2/core/event_destinations?include%5B0%5D=webhook_endpoint.url&limit=20"
	savedSettings = "stripe GET /v1/billing_portal/configurations?is_default=true&limit=1"
	flowsOff      = "finding: flows warning the portal configuration lacks the feature for subscription_update, " +
		"subscription_update_confirm, so the API answers 409 flow-unavailable"
	sessionReferences = "finding: CLIENT_REFERENCES ok the client_reference_id of a Checkout Session names a user, " +
		"unless a Payment Link made the session. This is right if your server makes all sessions. Choose none if the " +
		"account has a pricing table, or another app that makes sessions"
)
