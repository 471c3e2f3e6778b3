package main

import (
	"io"
	"slices"
	"testing"

	"billingportal/functions/app/portal"
)

// Whatever the portal reads is what the laptop sets or what an engineer may set. A new variable is one of them.
func TestTheDevserverTakesEveryVariable(t *testing.T) {
	ofTheDevserver := []string{
		"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"BASE_PATH", "CUSTOMERS_ATTRIBUTE", "CUSTOMERS_KEY", "CUSTOMERS_KEY_FORMAT", "CUSTOMERS_SORT_KEY", "CUSTOMERS_TABLE",
		"PORTAL_HOSTS", "RELEASE", "STRIPE_API_BASE", "STRIPE_LIVEMODE", "STRIPE_SECRET_FIELD", "STRIPE_SECRET_ID",
	}
	var read []string
	_, err := portal.New(t.Context(), func(name string) string {
		read = append(read, name)
		return ""
	}, io.Discard)
	if err == nil {
		t.Fatal("an empty environment was accepted")
	}
	want := slices.Concat(ofTheDevserver, tunable)
	for _, name := range read {
		if !slices.Contains(want, name) {
			t.Errorf("tunable lacks a line, or ofTheDevserver if the laptop sets it:\n\t%q,", name)
		}
	}
	for _, name := range want {
		if !slices.Contains(read, name) {
			t.Errorf("the portal does not read %s", name)
		}
	}
	env := (&devserver{origin: "http://127.0.0.1:8080", stripeKey: demoKey}).environment("http://127.0.0.1:8080")
	for name := range env {
		if !slices.Contains(want, name) {
			t.Errorf("the laptop sets %s, which the portal does not read", name)
		}
	}
	// It returns to the demo page, whose address is the only allowed one.
	if env["ALLOWED_ORIGINS"] != "http://127.0.0.1:8080" || env["DEFAULT_RETURN_URL"] != "http://127.0.0.1:8080/" || env["STRIPE_LIVEMODE"] != "false" {
		t.Errorf("the laptop's environment is %v", env)
	}
}
