// Package configtest provides environments, tokens and logs for tests.
package configtest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"billingportal/functions/app"
)

// Env maps variables to their values.
type Env map[string]string

// Get returns the value of a variable.
func (e Env) Get(name string) string { return e[name] }

// With returns a copy with some variables changed.
func (e Env) With(changes Env) Env {
	changed := maps.Clone(e)
	maps.Copy(changed, changes)
	return changed
}

// Portal has only the variables that the portal requires.
var Portal = Env{
	"AWS_REGION":            "eu-central-1",
	"AWS_ACCESS_KEY_ID":     "AKIDEXAMPLE",
	"AWS_SECRET_ACCESS_KEY": "secret",
	"CUSTOMERS_TABLE":       "customers",
	"STRIPE_SECRET_ID":      "billing-portal/stripe",
	"STRIPE_LIVEMODE":       "false",
	"JWT_ISSUER":            "https://issuer.example.com/",
	"JWT_AUDIENCE":          "billing-portal",
	"ALLOWED_ORIGINS":       "https://app.example.com",
	"DEFAULT_RETURN_URL":    "https://app.example.com/account",
}

// Webhook has only the variables that the webhook requires.
var Webhook = Env{
	"AWS_REGION":            "eu-central-1",
	"AWS_ACCESS_KEY_ID":     "AKIDEXAMPLE",
	"AWS_SECRET_ACCESS_KEY": "secret",
	"CUSTOMERS_TABLE":       "customers",
	"STRIPE_LIVEMODE":       "false",
	"WEBHOOK_SECRET_ID":     "billing-portal/webhook",
}

// RequireWrong fails unless err names exactly these variables, which must be sorted.
func RequireWrong(t *testing.T, err error, names ...string) {
	t.Helper()
	var environment *app.EnvironmentError
	if !errors.As(err, &environment) {
		t.Fatalf("err = %v, want one about %v", err, names)
	}
	var wrong []string
	for _, line := range environment.Wrong {
		name, _, _ := strings.Cut(line, " ")
		wrong = append(wrong, name)
	}
	slices.Sort(wrong)
	if !slices.Equal(wrong, names) {
		t.Errorf("err = %v, want one about %v", err, names)
	}
}
