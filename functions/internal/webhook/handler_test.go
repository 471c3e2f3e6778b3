package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	stripe "github.com/stripe/stripe-go/v79/webhook"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/problem"
	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/requestlog/requestlogtest"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// fixture is a handler whose upstreams are functions. A nil function succeeds.
type fixture struct {
	*Handler
	get     func() (secret.SigningSecrets, error)
	renewed func() (secret.SigningSecrets, bool, error)
	apply   func() (customers.Outcome, error)

	fetches, renewals int
	applied           []customers.Change
	logs              bytes.Buffer
}

func secretsOf(t testing.TB, value string) secret.SigningSecrets {
	t.Helper()
	secrets, err := secret.ParseSigningSecrets(value)
	if err != nil {
		t.Fatal(err)
	}
	return secrets
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{}
	secrets := secretsOf(t, secretA)
	f.get = func() (secret.SigningSecrets, error) { return secrets, nil }
	f.Handler = New(Config{
		Secrets: f, Mapping: f, Rules: testRules,
		Log:       requestlog.New(&f.logs, "WebhookFunction", ""),
		RequestID: func(context.Context) string { return "request-1" },
		Now:       func() time.Time { return eventTime },
	})
	return f
}

func (f *fixture) Get(context.Context) (secret.SigningSecrets, error) {
	f.fetches++
	return f.get()
}

func (f *fixture) Renewed(context.Context, secret.SigningSecrets) (secret.SigningSecrets, bool, error) {
	f.renewals++
	if f.renewed != nil {
		return f.renewed()
	}
	return secret.SigningSecrets{}, false, nil
}

func (f *fixture) Apply(_ context.Context, change customers.Change) (customers.Outcome, error) {
	f.applied = append(f.applied, change)
	if f.apply != nil {
		return f.apply()
	}
	return customers.Outcome{Effect: customers.Claimed, Calls: 2}, nil
}

// signedBy returns the header that Stripe's own library makes.
func signedBy(secret string, at time.Time, body []byte) string {
	return stripe.GenerateTestSignedPayload(&stripe.UnsignedPayload{Payload: body,
		Secret: secret, Timestamp: at}).Header
}

func (f *fixture) post(body []byte, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "https://api.example.com"+Path, bytes.NewReader(body))
	r.Header.Set("Stripe-Signature", signedBy(secretA, eventTime, body))
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// line returns the members of the logged line, which must be the only one.
func (f *fixture) line(t *testing.T) map[string]any {
	t.Helper()
	line, rest, _ := strings.Cut(f.logs.String(), "\n")
	if rest != "" {
		t.Fatalf("more than a line: %s", f.logs.String())
	}
	requestlogtest.RequireMetrics(t, line)
	var members map[string]any
	if err := json.Unmarshal([]byte(line), &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// requireHeaders fails unless the answer has exactly the headers that every answer has, its content
// type, and the further ones. A further header with the value "" must be absent.
func requireHeaders(t *testing.T, w *httptest.ResponseRecorder, contentType string, further map[string]string) {
	t.Helper()
	want := http.Header{"Cache-Control": {"no-store"}, "Referrer-Policy": {"no-referrer"},
		"X-Content-Type-Options": {"nosniff"}, "Content-Type": {contentType}}
	for name, value := range further {
		if value != "" {
			want.Set(name, value)
		}
	}
	if !reflect.DeepEqual(w.Header(), want) {
		t.Errorf("headers %v, want %v", w.Header(), want)
	}
}

func TestAnEventIsTaken(t *testing.T) {
	f := newFixture(t)
	w := f.post(file(t, "customer.created"), nil)
	if w.Code != http.StatusOK || w.Body.String() != `{"received":true}` {
		t.Errorf("answer = %d %s", w.Code, w.Body)
	}
	requireHeaders(t, w, "application/json", nil)
	if len(f.applied) != 1 || f.applied[0].Facts[0] != claimed("alice", created) {
		t.Errorf("applied %+v", f.applied)
	}
	line := f.line(t)
	for name, want := range map[string]any{
		"level": "INFO", "code": "ok", "status": 200.0, "route": Path, "function": "WebhookFunction",
		"request_id": "request-1",
		"event_id":   "evt_1PQaaa2eZvKYlo2C0001Aaaa", "event_type": "customer.created", "customer_id": customer,
		"effect": "claimed", "events": 1.0, "attempts": 2.0, "event_age_ms": 1_000_000.0,
	} {
		if line[name] != want {
			t.Errorf("%s = %v, want %v", name, line[name], want)
		}
	}
	for _, theirs := range []string{"alice", "jenny", "Jenny", "v1=", secretA} {
		if strings.Contains(f.logs.String(), theirs) {
			t.Errorf("%q was logged: %s", theirs, f.logs.String())
		}
	}
}

func TestAnEventWithoutEffectIsAcknowledged(t *testing.T) {
	for name, test := range map[string]struct {
		file   string
		effect customers.Effect
	}{
		"of another type":                 {"invoice.paid", "ignored"},
		"without a user":                  {"customer.created-without-user", "ignored"},
		"of a payment link":               {"checkout.session.completed-payment-link", "ignored"},
		"that changes nothing":            {"customer.created", customers.Unchanged},
		"of a deletion that ends nothing": {"customer.deleted-without-user", customers.Unchanged},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.apply = func() (customers.Outcome, error) {
				return customers.Outcome{Effect: customers.Unchanged, Calls: 1}, nil
			}
			w := f.post(file(t, test.file), nil)
			if line := f.line(t); w.Code != 200 || line["effect"] != string(test.effect) || line["level"] != "INFO" {
				t.Errorf("%d, %v", w.Code, line)
			}
			if wasApplied := len(f.applied) > 0; wasApplied != (test.effect == customers.Unchanged) {
				t.Errorf("applied %+v", f.applied)
			}
		})
	}
}

// Stripe disables an endpoint that keeps failing, so a signed event that cannot be used is
// acknowledged.
func TestAnUnusableEventIsAcknowledgedWithAWarning(t *testing.T) {
	const marker = "MARKERx7Q"
	for name, test := range map[string]struct {
		body    []byte
		warning unusable
	}{
		"a thin event": {thin(t, map[string]any{"x": marker}), isThin},
		"an ID of another system": {with(t, file(t, "customer.created"), map[string]any{"data/object/id": marker}),
			hasOtherID},
		"a checkout without a customer": {with(t, file(t, "checkout.session.completed"),
			map[string]any{"data/object/customer": "", "x": marker}), hasNoCustomer},
		"metadata that is a string": {with(t, file(t, "customer.deleted"),
			map[string]any{"data/object/metadata": marker}), hasOddMetadata},
		"an event without an object": {with(t, file(t, "customer.updated-moved"),
			map[string]any{"data/object": null, "x": marker}), hasNoObject},
		"an event without its time": {with(t, file(t, "customer.updated-moved"), map[string]any{"created": marker}),
			hasNoTime},
		"an event with two types": {[]byte(`{"type":"customer.created","type":"` + marker + `"}`), isAmbiguous},
	} {
		f := newFixture(t)
		w := f.post(test.body, nil)
		if w.Code != 200 || w.Body.String() != `{"received":true}` || len(f.applied) != 0 {
			t.Errorf("%s: %d %s, applied %v", name, w.Code, w.Body, f.applied)
		}
		line := f.line(t)
		if line["level"] != "WARN" || line["code"] != "ok" || line["effect"] != "ignored" ||
			line["warning"] != "webhook: "+string(test.warning) || line["failures"] != 0.0 {
			t.Errorf("%s: %v", name, line)
		}
		if strings.Contains(f.logs.String(), marker) {
			t.Errorf("%s: %s", name, f.logs.String())
		}
	}
}

func TestTheLineOfAnOrganizationsEventNamesTheVariable(t *testing.T) {
	f := newFixture(t)
	f.post(with(t, file(t, "customer.created"), map[string]any{"context": "acct_OTHER"}), nil)
	line := f.line(t)
	if text, _ := line["error"].(string); !strings.Contains(text, "STRIPE_ACCOUNT") || line["level"] != "ERROR" ||
		line["failures"] != 1.0 || len(f.applied) != 0 {
		t.Errorf("%v, applied %v", line, f.applied)
	}
	f = newFixture(t)
	f.Rules.Account = "acct_OURS"
	w := f.post(with(t, file(t, "customer.created"), map[string]any{"context": "acct_OTHER"}), nil)
	if line := f.line(t); w.Code != 200 || line["level"] != "INFO" ||
		line["effect"] != "ignored" || len(f.applied) != 0 {
		t.Errorf("%d, %v, applied %v", w.Code, line, f.applied)
	}
}

func TestWithoutASecretThereIsNoRoute(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		f := newFixture(t)
		f.Secrets = nil
		w := f.post(file(t, "customer.created"), func(r *http.Request) { r.Method = method })
		if line := f.line(t); w.Code != 404 || !strings.Contains(w.Body.String(), `"code":"not-found"`) ||
			line["error"] != errNoSecrets.Error() || len(f.applied) != 0 {
			t.Errorf("%s: %d %s, %v", method, w.Code, w.Body, line)
		}
	}
}

func TestAConflictIsAnErrorWithBothIDs(t *testing.T) {
	f := newFixture(t)
	f.apply = func() (customers.Outcome, error) {
		return customers.Outcome{Effect: customers.Conflict, Counting: []string{"cus_a", "cus_b"}, Calls: 2}, nil
	}
	w := f.post(file(t, "customer.created"), nil)
	line := f.line(t)
	if w.Code != 200 || line["level"] != "ERROR" || line["effect"] != "conflict" ||
		fmt.Sprint(line["customer_ids"]) != "[cus_a cus_b]" || line["error"] == nil {
		t.Errorf("%d, %v", w.Code, line)
	}
}

func TestAnEventWithoutAValidSignatureHasNoEffect(t *testing.T) {
	body := file(t, "customer.created")
	header := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Stripe-Signature", value) }
	}
	for name, test := range map[string]struct {
		change   func(*http.Request)
		fetches  int
		renewals int
	}{
		"no header":       {func(r *http.Request) { r.Header.Del("Stripe-Signature") }, 0, 0},
		"an empty header": {header(""), 0, 0},
		"a header twice": {func(r *http.Request) {
			r.Header.Add("Stripe-Signature", r.Header.Get("Stripe-Signature"))
		}, 0, 0},
		"an old signature":  {header(signedBy(secretA, eventTime.Add(-301*time.Second), body)), 0, 0},
		"a signature ahead": {header(signedBy(secretA, eventTime.Add(301*time.Second), body)), 0, 0},
		"another secret":    {header(signedBy(secretB, eventTime, body)), 1, 1},
		"an empty secret":   {header(signedBy("", eventTime, body)), 1, 1},
		"another body's":    {header(signedBy(secretA, eventTime, append(body, ' '))), 1, 1},
		"another time's": {header(strings.Replace(signedBy(secretA, eventTime, body),
			fmt.Sprintf("t=%d", eventTime.Unix()), fmt.Sprintf("t=%d", eventTime.Unix()+1), 1)), 1, 1},
		"a short signature": {header(fmt.Sprintf("t=%d,v1=00", eventTime.Unix())), 0, 0},
		"the old scheme":    {header(strings.Replace(signedBy(secretA, eventTime, body), "v1=", "v0=", 1)), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			w := f.post(body, test.change)
			if w.Code != 400 || !strings.Contains(w.Body.String(), `"code":"invalid-signature"`) {
				t.Errorf("answer = %d %s", w.Code, w.Body)
			}
			if f.fetches != test.fetches || f.renewals != test.renewals || len(f.applied) != 0 {
				t.Errorf("%d fetches, %d renewals, applied %v", f.fetches, f.renewals, f.applied)
			}
			if line := f.line(t); line["level"] != "INFO" || line["event_id"] != nil {
				t.Errorf("%v", line)
			}
		})
	}
}

func TestNoEventFailsWhenASecretIsRolled(t *testing.T) {
	for signer, test := range map[string]struct{ status, applied int }{
		secretB:            {200, 1},
		"whsec_" + "third": {400, 0},
	} {
		f := newFixture(t)
		f.renewed = func() (secret.SigningSecrets, bool, error) {
			return secretsOf(t, `["`+secretA+`","`+secretB+`"]`), true, nil
		}
		body := file(t, "customer.created")
		w := f.post(body, func(r *http.Request) { r.Header.Set("Stripe-Signature", signedBy(signer, eventTime, body)) })
		if w.Code != test.status || f.renewals != 1 || len(f.applied) != test.applied {
			t.Errorf("%s: answer = %d %s after %d renewals, applied %v", signer, w.Code, w.Body, f.renewals, f.applied)
		}
	}
}

func TestEveryFailureHasItsCode(t *testing.T) {
	aws := func(service upstream.Service, timeout, permanent bool) error {
		return fmt.Errorf("call: %w",
			&upstream.Error{Service: service, Reason: "x", Timeout: timeout, Permanent: permanent})
	}
	get := func(err error) func(*fixture) {
		return func(f *fixture) {
			f.get = func() (secret.SigningSecrets, error) { return secret.SigningSecrets{}, err }
		}
	}
	renewed := func(err error) func(*fixture) {
		return func(f *fixture) {
			f.get = func() (secret.SigningSecrets, error) { return secretsOf(t, secretB), nil }
			f.renewed = func() (secret.SigningSecrets, bool, error) { return secret.SigningSecrets{}, false, err }
		}
	}
	apply := func(err error) func(*fixture) {
		return func(f *fixture) { f.apply = func() (customers.Outcome, error) { return customers.Outcome{}, err } }
	}
	for name, test := range map[string]struct {
		fail       func(*fixture)
		status     int
		code       string
		retryAfter string
	}{
		"Secrets Manager down": {get(aws("secretsmanager", false, false)), 503,
			"secrets-unavailable", "5"},
		"Secrets Manager hangs": {get(aws("secretsmanager", true, false)), 503, "secrets-unavailable", "5"},
		"Secrets Manager denies": {get(aws("secretsmanager", false, true)), 500,
			"webhook-misconfigured", ""},
		"a malformed secret": {get(secret.MalformedError("it is empty")), 500,
			"webhook-misconfigured", ""},
		"a secret that is empty": {get(nil), 400, "invalid-signature", ""},
		"down, when a signature is refused": {renewed(aws("secretsmanager", false, false)), 503,
			"secrets-unavailable", "5"},
		"DynamoDB down":      {apply(aws("dynamodb", false, false)), 503, "customer-store-unavailable", "5"},
		"DynamoDB hangs":     {apply(aws("dynamodb", true, false)), 503, "customer-store-unavailable", "5"},
		"DynamoDB denies":    {apply(aws("dynamodb", false, true)), 500, "webhook-misconfigured", ""},
		"a race without end": {apply(customers.ErrRace), 503, "customer-store-unavailable", "5"},
		"the budget is spent": {apply(fmt.Errorf("wait: %w", context.DeadlineExceeded)), 503,
			"customer-store-unavailable", "5"},
		"a malformed attribute": {apply(customers.ErrMalformed), 500, "webhook-misconfigured", ""},
		"malformed facts":       {apply(customers.ErrMalformedFacts), 500, "webhook-misconfigured", ""},
		"an unforeseen error":   {apply(errors.New("unforeseen")), 500, "internal", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			test.fail(f)
			w := f.post(file(t, "customer.created"), nil)
			if w.Code != test.status || !strings.Contains(w.Body.String(), `"code":"`+test.code+`"`) {
				t.Errorf("answer = %d %s", w.Code, w.Body)
			}
			requireHeaders(t, w, "application/problem+json", map[string]string{"Retry-After": test.retryAfter})
			if line := f.line(t); (line["level"] == "ERROR") != (test.status >= 500) || line["error"] == nil ||
				line["code"] != test.code {
				t.Errorf("%v", line)
			}
		})
	}
}

func TestRoutesMethodsAndBodies(t *testing.T) {
	for name, test := range map[string]struct {
		body   []byte
		change func(*http.Request)
		status int
		code   string
	}{
		"GET":              {nil, func(r *http.Request) { r.Method = http.MethodGet }, 405, "method-not-allowed"},
		"another path":     {nil, func(r *http.Request) { r.URL.Path = "/stripe" }, 404, "not-found"},
		"a trailing slash": {nil, func(r *http.Request) { r.URL.Path = Path + "/" }, 404, "not-found"},
		"an empty body":    {nil, nil, 400, "invalid-request"},
		"no body":          {nil, func(r *http.Request) { r.Body = nil }, 400, "invalid-request"},
		"not an event":     {[]byte("{}"), nil, 400, "invalid-request"},
		"an organization": {with(t, file(t, "customer.created"), map[string]any{"context": "acct_OTHER"}), nil, 500,
			"webhook-misconfigured"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			w := f.post(test.body, test.change)
			if w.Code != test.status || test.code != "" &&
				!strings.Contains(w.Body.String(), `"code":"`+test.code+`"`) {
				t.Errorf("answer = %d %s", w.Code, w.Body)
			}
			headers := map[string]string{}
			if test.status == http.StatusMethodNotAllowed {
				headers["Allow"] = http.MethodPost
			}
			requireHeaders(t, w, "application/problem+json", headers)
		})
	}
}

func TestTheDetailOfPayloadTooLargeHasTheLimit(t *testing.T) {
	text := (&problem.Problem{Code: "payload-too-large"}).Error()
	if want := fmt.Sprintf("%d for an event", MaxBodySize); !strings.Contains(strings.ReplaceAll(text, ",", ""), want) {
		t.Errorf("%q does not say %q", text, want)
	}
}

func TestARejectedRequestIsLogged(t *testing.T) {
	f := newFixture(t)
	w := httptest.NewRecorder()
	f.Reject(w, httptest.NewRequest(http.MethodPost, Path, nil), "internal", errors.New("panic"))
	if line := f.line(t); w.Code != 500 || line["error"] != "panic" || line["level"] != "ERROR" {
		t.Errorf("%d, %v", w.Code, line)
	}
	requireHeaders(t, w, "application/problem+json", nil)
}

func BenchmarkEvent(b *testing.B) {
	f := newFixture(b)
	body := file(b, "checkout.session.completed")
	for b.Loop() {
		if w := f.post(body, nil); w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
		f.applied = f.applied[:0]
	}
}
