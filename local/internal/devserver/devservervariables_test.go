package devserver_test

import (
	"slices"
	"testing"

	"billingportal/functions/app/portal"
	"billingportal/functions/app/webhook"
	"billingportal/local/internal/devserver"
)

// Whatever the portal reads is what the laptop sets or what an engineer may set. A new variable is one of them.
func TestTheDevserverTakesEveryVariable(t *testing.T) {
	ofTheDevserver := []string{
		"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"BASE_PATH", "CUSTOMERS_ATTRIBUTE", "CUSTOMERS_KEY", "CUSTOMERS_KEY_FORMAT", "CUSTOMERS_SORT_KEY", "CUSTOMERS_TABLE",
		"PORTAL_HOSTS", "RELEASE", "STRIPE_API_BASE", "STRIPE_LIVEMODE", "STRIPE_SECRET_FIELD", "STRIPE_SECRET_ID",
	}
	want := slices.Sorted(slices.Values(slices.Concat(ofTheDevserver, devserver.Tunable)))
	if got := portal.Variables(); !slices.Equal(got, want) {
		t.Errorf("the portal reads %v, and of the laptop are %v", got, want)
	}
	env := (&devserver.Server{Origin: "http://127.0.0.1:8080", StripeKey: devserver.DemoKey}).Environment("http://127.0.0.1:8080")
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

// Whatever a function reads can be tried on a devserver: it is the stand-ins' or an engineer's to set.
func TestADevserverHasEveryVariable(t *testing.T) {
	l, err := devserver.New("http://127.0.0.1:1", devserver.DemoKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The laptop's table, secret and paths are its own.
	notOnADevserver := []string{
		"AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_SESSION_TOKEN", "BASE_PATH",
		"CUSTOMERS_ATTRIBUTE", "CUSTOMERS_KEY", "CUSTOMERS_KEY_FORMAT", "CUSTOMERS_SORT_KEY", "RELEASE", "STRIPE_EVENT_SOURCE", "STRIPE_SECRET_FIELD",
	}
	for name, function := range map[string]struct {
		read    []string
		set     map[string]string
		tunable []string
	}{
		"portal":  {portal.Variables(), l.Environment(l.Origin), devserver.Tunable},
		"webhook": {webhook.Variables(), l.WebhookEnvironment(l.Origin), devserver.WebhookTunable},
	} {
		for _, variable := range function.read {
			_, isSet := function.set[variable]
			if isOnADevserver := isSet || slices.Contains(function.tunable, variable); isOnADevserver == slices.Contains(notOnADevserver, variable) {
				t.Errorf("%s reads %s, which is set or tunable: %t", name, variable, isOnADevserver)
			}
		}
		for _, variable := range function.tunable {
			if !slices.Contains(function.read, variable) {
				t.Errorf("%s does not read %s", name, variable)
			}
		}
	}
}
