package portal

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/button"
	"billingportal/functions/internal/requestlog/requestlogtest"
	"billingportal/functions/internal/upstream"
)

// line returns the members of the only log line.
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
		`{"locale":"unknown"}`:                           nil, // no session
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
		"DynamoDB hangs": {lookupFails(&upstream.Error{Service: "dynamodb", Timeout: true}), "dynamodb"},
		"Secrets Manager denies": {lookupFails(&upstream.Error{Service: "secretsmanager", Permanent: true}),
			"secretsmanager"},
		"Stripe is down":           {stripeFails(billing.Unavailable), "stripe"},
		"Stripe hangs":             {stripeFails(billing.Timeout), "stripe"},
		"the caller's own mistake": {stripeFails(billing.NoSuchSubscription), nil},
		"an error of our own":      {lookupFails(errors.New("unforeseen")), nil},
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

// Keys that no request uses are not renewed, so their age has no meaning.
func TestAgesAreLoggedOnlyForKeysThatTheRequestUsed(t *testing.T) {
	minute, hour := time.Now().Add(-time.Minute), time.Now().Add(-time.Hour)
	for name, test := range map[string]struct {
		caller  auth.Caller
		err     error
		path    string
		fetched time.Time
		keys    float64 // minutes; 0 means no metric
		secret  float64
	}{
		"a session":                 {auth.Caller{UserID: "alice", KeysFetched: hour}, nil, Path, minute, 60, 1},
		"keys that are not fetched": {auth.Caller{UserID: "alice"}, nil, Path, minute, 0, 1},
		"a bad signature": {auth.Caller{KeysFetched: hour},
			&auth.InvalidTokenError{Reason: "bad signature"}, Path, minute, 60, 0},
		"a token refused without keys": {auth.Caller{}, &auth.InvalidTokenError{Reason: "expired"}, Path, minute, 0, 0},
		"the button": {auth.Caller{UserID: "alice", KeysFetched: hour}, nil,
			button.Path, minute, 0, 0},
	} {
		f := newFixture(t, nil)
		f.fetched = test.fetched
		f.verify = func(string) (auth.Caller, error) { return test.caller, test.err }
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, test.path, nil)
		r.Header.Set("Authorization", "Bearer "+testToken)
		if test.path == button.Path {
			r.Method = http.MethodGet
		}
		f.ServeHTTP(httptest.NewRecorder(), r)
		line := f.line(t)
		for metric, want := range map[string]float64{"keys_age_ms": test.keys, "secret_age_ms": test.secret} {
			age, given := line[metric].(float64)
			if given != (want > 0) || math.Floor(age/60_000) != want {
				t.Errorf("%s: %s = %v, want %v minutes", name, metric, line[metric], want)
			}
		}
	}
}

func TestTheLineHasTheNumberOfTheAlias(t *testing.T) {
	for name, test := range map[string]struct {
		caller auth.Caller
		err    error
		want   any
	}{
		"the issuer":      {auth.Caller{UserID: "alice"}, nil, nil},
		"the first alias": {auth.Caller{UserID: "alice", Alias: 1}, nil, 1.0},
		"the last alias":  {auth.Caller{UserID: "alice", Alias: 4}, nil, 4.0},
		"keys that are unavailable": {auth.Caller{Alias: 2},
			&auth.KeysUnavailableError{Err: errors.New("no connection")}, 2.0},
		"a refused token": {auth.Caller{Alias: 3}, &auth.InvalidTokenError{Reason: "expired"}, 3.0},
	} {
		f := newFixture(t, nil)
		f.verify = func(string) (auth.Caller, error) { return test.caller, test.err }
		f.serve("", "", nil)
		if line := f.line(t); line["issuer_alias"] != test.want {
			t.Errorf("%s: issuer_alias = %v, want %v", name, line["issuer_alias"], test.want)
		}
	}
}
