package webhook

import (
	"math"
	"net/http"
	"testing"
	"time"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

func TestFailuresAreCountedByUpstream(t *testing.T) {
	for name, test := range map[string]struct {
		fail     func(f *fixture)
		upstream any
	}{
		"DynamoDB": {func(f *fixture) {
			f.apply = func() (customers.Outcome,
				error) {
				return customers.Outcome{}, &upstream.Error{Service: "dynamodb"}
			}
		}, "dynamodb"},
		"Secrets Manager": {func(f *fixture) {
			f.get = func() (secret.SigningSecrets, error) {
				return secret.SigningSecrets{}, &upstream.Error{Service: "secretsmanager", Permanent: true}
			}
		}, "secretsmanager"},
		"a race": {func(f *fixture) {
			f.apply = func() (customers.Outcome, error) { return customers.Outcome{}, customers.ErrRace }
		}, nil},
	} {
		f := newFixture(t)
		test.fail(f)
		f.post(file(t, "customer.created"), nil)
		line := f.line(t)
		if line["upstream"] != test.upstream || (line["upstream_failures"] == 1.0) != (test.upstream != nil) ||
			line["failures"] != 1.0 {
			t.Errorf("%s: %v failures of %v among %v", name, line["upstream_failures"],
				line["upstream"], line["failures"])
		}
	}
}

// Secrets that no event uses are not refreshed, so their age means nothing. Requests that anyone
// can send must not trigger an alarm.
func TestTheAgeOfTheSigningSecretsIsAMetricOnlyIfTheyWereUsed(t *testing.T) {
	header := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Stripe-Signature", value) }
	}
	for name, test := range map[string]struct {
		change func(*http.Request)
		isUsed bool
	}{
		"an event":          {nil, true},
		"another signature": {header(signedBy(secretB, eventTime, file(t, "customer.created"))), true},
		"no signature":      {header(""), false},
		"an old signature":  {header(signedBy(secretA, eventTime.Add(-time.Hour), file(t, "customer.created"))), false},
		"another method":    {func(r *http.Request) { r.Method = http.MethodGet }, false},
		"another path":      {func(r *http.Request) { r.URL.Path = "/" }, false},
	} {
		f := newFixture(t)
		f.Fetched = func() time.Time { return time.Now().Add(-time.Hour) }
		f.post(file(t, "customer.created"), test.change)
		age, isLogged := f.line(t)["secret_age_ms"].(float64)
		if isLogged != test.isUsed || isLogged && math.Floor(age/3_600_000) != 1 {
			t.Errorf("%s: secret_age_ms = %v, want one of an hour: %v", name, age, test.isUsed)
		}
	}
}
