// Package configtest has environments for tests.
package configtest

import (
	"maps"
	"slices"
	"strings"
)

// Env has the values of variables.
type Env map[string]string

// Get returns the value of a variable.
func (e Env) Get(name string) string { return e[name] }

// With returns a copy with some variables changed.
func (e Env) With(changes Env) Env {
	changed := maps.Clone(e)
	maps.Copy(changed, changes)
	return changed
}

// Portal is the least that the portal needs.
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

// Webhook is the least that the webhook needs.
var Webhook = Env{
	"AWS_REGION":            "eu-central-1",
	"AWS_ACCESS_KEY_ID":     "AKIDEXAMPLE",
	"AWS_SECRET_ACCESS_KEY": "secret",
	"CUSTOMERS_TABLE":       "customers",
	"STRIPE_LIVEMODE":       "false",
	"WEBHOOK_SECRET_ID":     "billing-portal/webhook",
}

// NamesIn returns the variables that an error's lines begin with, sorted.
func NamesIn(err error) []string {
	var names []string
	for _, line := range strings.Split(err.Error(), "\n")[1:] {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
