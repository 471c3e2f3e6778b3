package config

import "regexp"

var (
	secretPattern = regexp.MustCompile(`^[A-Za-z0-9/_+=.@:!-]+$`)
	memberPattern = regexp.MustCompile(`^[^\s",]+$`)
)

// StripeAPIBase reads the base URL of the Stripe API, which receives the Stripe key.
func (e *Environment) StripeAPIBase() string {
	return e.apiBase("STRIPE_API_BASE", Default("https://api.stripe.com"))
}

// StripeSecretField reads the name of the member that has the Stripe key in the secret.
func (e *Environment) StripeSecretField() string {
	return e.Matching("STRIPE_SECRET_FIELD", Default("api_key"), memberPattern,
		"must be the name of a member of a JSON object")
}

// SecretID reads the name or ARN of a secret in Secrets Manager.
func (e *Environment) SecretID(name string, fallback Fallback) string {
	return e.Matching(name, fallback, secretPattern, "must be the name or ARN of a secret in Secrets Manager")
}
