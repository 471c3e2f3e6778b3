package portal

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/requestlog/requestlogtest"
	"billingportal/functions/internal/upstream"
)

// line returns the members of the one line that was logged.
func (f *fixture) line(t *testing.T) map[string]any {
	t.Helper()
	requestlogtest.RequireMetrics(t, f.logs.String())
	var members map[string]any
	if err := json.Unmarshal(f.logs.Bytes(), &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func TestSessionsAreCountedByFlow(t *testing.T) {
	for body, flow := range map[string]any{
		``: "home",
		`{"flow_data":{"type":"payment_method_update"}}`: "payment_method_update",
		`{"locale":"nobody's"}`:                          nil, // no session
	} {
		f := newFixture(t, nil)
		f.serve(jsonType, body, nil)
		line := f.line(t)
		if line["flow"] != flow || (line["sessions"] == 1.0) != (flow != nil) {
			t.Errorf("%s: %v sessions of flow %v", body, line["sessions"], line["flow"])
		}
	}
}

func TestFailuresAreCountedByUpstream(t *testing.T) {
	stripeFails := func(class billing.Class) func(f *fixture) {
		return func(f *fixture) {
			f.create = func(int) (*billing.Session, error) { return nil, &billing.Error{Class: class} }
		}
	}
	lookupFails := func(err error) func(f *fixture) {
		return func(f *fixture) { f.lookUp = func() (string, error) { return "", err } }
	}
	for name, test := range map[string]struct {
		fail     func(f *fixture)
		upstream any
	}{
		"the issuer is down": {func(f *fixture) {
			f.verify = func(string) (auth.Caller, error) {
				return auth.Caller{}, &auth.KeysUnavailableError{Err: errors.New("no connection")}
			}
		}, "issuer"},
		"DynamoDB hangs":           {lookupFails(&upstream.Error{Service: "dynamodb", Timeout: true}), "dynamodb"},
		"Secrets Manager denies":   {lookupFails(&upstream.Error{Service: "secretsmanager", Permanent: true}), "secretsmanager"},
		"Stripe is down":           {stripeFails(billing.Unavailable), "stripe"},
		"Stripe hangs":             {stripeFails(billing.Timeout), "stripe"},
		"the caller's own mistake": {stripeFails(billing.NoSuchSubscription), nil},
		"our own":                  {lookupFails(errors.New("unforeseen")), nil},
	} {
		f := newFixture(t, nil)
		test.fail(f)
		f.serve("", "", nil)
		line := f.line(t)
		if line["upstream"] != test.upstream || (line["upstream_failures"] == 1.0) != (test.upstream != nil) {
			t.Errorf("%s: %v failures of %v", name, line["upstream_failures"], line["upstream"])
		}
	}
}

func TestAgesOfWhatIsKeptAreMetrics(t *testing.T) {
	f := newFixture(t, func(c *Config) {
		c.Fetched = map[string]func() time.Time{
			"secret_age_ms": func() time.Time { return time.Now().Add(-time.Minute) },
			"keys_age_ms":   func() time.Time { return time.Time{} },
		}
	})
	f.serve("", "", nil)
	line := f.line(t)
	if age, _ := line["secret_age_ms"].(float64); age < 60_000 || age > 70_000 {
		t.Errorf("secret_age_ms = %v, want a minute", line["secret_age_ms"])
	}
	if age, said := line["keys_age_ms"]; said {
		t.Errorf("keys_age_ms = %v of keys that were never fetched", age)
	}
}
