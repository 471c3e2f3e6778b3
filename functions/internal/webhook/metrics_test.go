package webhook

import (
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
			f.apply = func() (customers.Outcome, error) { return customers.Outcome{}, &upstream.Error{Service: "dynamodb"} }
		}, "dynamodb"},
		"Secrets Manager": {func(f *fixture) {
			f.get = func() (secret.SigningSecrets, error) {
				return secret.SigningSecrets{}, &upstream.Error{Service: "secretsmanager", Permanent: true}
			}
		}, "secretsmanager"},
		"a race among us": {func(f *fixture) {
			f.apply = func() (customers.Outcome, error) { return customers.Outcome{}, customers.ErrRace }
		}, nil},
	} {
		f := newFixture(t)
		test.fail(f)
		f.post(file(t, "customer.created"), nil)
		line := f.line(t)
		if line["upstream"] != test.upstream || (line["upstream_failures"] == 1.0) != (test.upstream != nil) || line["failures"] != 1.0 {
			t.Errorf("%s: %v failures of %v among %v", name, line["upstream_failures"], line["upstream"], line["failures"])
		}
	}
}

func TestTheAgeOfTheSigningSecretsIsAMetric(t *testing.T) {
	f := newFixture(t)
	f.Fetched = func() time.Time { return time.Now().Add(-time.Minute) }
	f.post(file(t, "customer.created"), nil)
	if age, _ := f.line(t)["secret_age_ms"].(float64); age < 60_000 || age > 70_000 {
		t.Errorf("secret_age_ms = %v, want a minute", age)
	}
}
