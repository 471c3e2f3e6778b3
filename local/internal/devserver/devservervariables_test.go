package devserver_test

import (
	"slices"
	"testing"

	"billingportal/functions/app/portal"
	"billingportal/functions/app/webhook"
	"billingportal/local/internal/devserver"
)

// The development server sets every variable that a function reads, or lets the developer set it.
func TestADevserverHasEveryVariable(t *testing.T) {
	l, err := devserver.New("http://127.0.0.1:1", devserver.DemoKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The development server has its own table, secret and paths.
	notOnADevserver := []string{
		"AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_LAMBDA_FUNCTION_VERSION",
		"AWS_SESSION_TOKEN", "BASE_PATH",
		"CUSTOMERS_ATTRIBUTE", "CUSTOMERS_KEY", "CUSTOMERS_KEY_FORMAT", "CUSTOMERS_SORT_KEY", "RELEASE",
		"STRIPE_EVENT_SOURCE", "STRIPE_SECRET_FIELD",
	}
	// Customers return to the demo page, the only allowed address.
	env := l.Environment(l.Origin)
	if env["ALLOWED_ORIGINS"] != l.Origin || env["DEFAULT_RETURN_URL"] != l.Origin+"/" ||
		env["STRIPE_LIVEMODE"] != "false" {
		t.Errorf("the laptop's environment is %v", env)
	}
	for name, function := range map[string]struct {
		read    []string
		set     map[string]string
		tunable []string
	}{
		"portal":  {portal.Variables(), env, devserver.Tunable},
		"webhook": {webhook.Variables(), l.WebhookEnvironment(l.Origin), devserver.WebhookTunable},
	} {
		for _, variable := range function.read {
			_, isSet := function.set[variable]
			if isOnADevserver := isSet || slices.Contains(function.tunable,
				variable); isOnADevserver == slices.Contains(notOnADevserver, variable) {
				t.Errorf("%s reads it; either it can be set (Tunable and the like) or notOnADevserver has it:\n\t%q,",
					name, variable)
			}
		}
		for variable := range function.set {
			if !slices.Contains(function.read, variable) {
				t.Errorf("the laptop sets %s, which %s does not read", variable, name)
			}
		}
		for _, variable := range function.tunable {
			if !slices.Contains(function.read, variable) {
				t.Errorf("%s does not read %s", name, variable)
			}
		}
	}
}
