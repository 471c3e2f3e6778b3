package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

const (
	testToken  = "a.valid.token"
	sessionURL = "https://billing.stripe.com/p/session/test_secret"
	appURL     = "https://app.example.com/account"
	oldKey     = "sk_test_old0123456789"
	newKey     = "sk_test_new0123456789"
)

func keyOf(text string) secret.Key {
	key, err := secret.StripeKey("api_key", false)(text)
	if err != nil {
		panic(err)
	}
	return key
}

// A fixture is a handler whose upstreams are functions; nil ones succeed.
type fixture struct {
	*Handler
	verify  func(token string) (auth.Caller, error)
	lookUp  func() (string, error)
	key     func() (secret.Key, error)
	renewed func() (secret.Key, bool, error)
	fetched time.Time // when the Stripe key was fetched
	create  func(call int) (*billing.Session, error)

	owned []billing.Subscription // of all customers
	reads []string               // calls that read subscriptions
	fails map[string]error       // by the name of such a call

	lookups int
	keys    []string // of the calls to Stripe
	created []*stripe.BillingPortalSessionParams
	logs    bytes.Buffer
}

func newFixture(t *testing.T, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{owned: []billing.Subscription{{
		ID: "sub_1", Customer: "cus_alice", Status: stripe.SubscriptionStatusActive,
		Items: []billing.Item{{ID: "si_1", Price: "price_0", Product: "prod_0", Quantity: 1}},
	}}}
	config := Config{
		Verifier:  f,
		Customers: f,
		Keys:      f,
		Sessions:  f,

		Subscriptions: f,
		Policy: params.Policy{
			AllowedOrigins:        []params.Origin{"https://app.example.com", "http://localhost:3000"},
			DefaultReturnURL:      appURL,
			AllowedConfigurations: []string{"bpc_1"},
			AllowedAccounts:       []string{"acct_1"},
			AllowedFlows:          params.Flows(),
			AllowedCoupons:        []string{"STAY20"},
			AllowedPromotionCodes: []string{"promo_1"},
		},
		Log:       requestlog.New(&f.logs, "PortalFunction", "v1"),
		RequestID: func(context.Context) string { return "request-1" },
	}
	if change != nil {
		change(&config)
	}
	handler, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	f.Handler = handler
	return f
}

func (f *fixture) Verify(_ context.Context, token string) (auth.Caller, error) {
	if f.verify != nil {
		return f.verify(token)
	}
	if token != testToken {
		return auth.Caller{}, &auth.InvalidTokenError{Reason: "malformed"}
	}
	return auth.Caller{UserID: "alice"}, nil
}

func (f *fixture) CustomerID(_ context.Context, user string) (string, error) {
	f.lookups++
	if f.lookUp != nil {
		return f.lookUp()
	}
	return "cus_" + user, nil
}

func (f *fixture) Get(context.Context) (secret.Key, error) {
	if f.key != nil {
		return f.key()
	}
	return keyOf(oldKey), nil
}

func (f *fixture) Fetched() time.Time { return f.fetched }

func (f *fixture) Renewed(_ context.Context, refused secret.Key) (secret.Key, bool, error) {
	if f.renewed != nil && refused == keyOf(oldKey) {
		return f.renewed()
	}
	return secret.Key{}, false, nil
}

func (f *fixture) CreateSession(_ context.Context, key string,
	params *stripe.BillingPortalSessionParams) (*billing.Session, error) {
	f.keys = append(f.keys, key)
	f.created = append(f.created, params)
	if f.create != nil {
		return f.create(len(f.created))
	}
	return &billing.Session{
		URL:   sessionURL,
		JSON:  json.RawMessage(`{"url":"` + sessionURL + `"}`),
		Calls: billing.Calls{Attempts: 1, RequestID: "req_1"},
	}, nil
}

func (f *fixture) Subscription(_ context.Context, key, id string) (billing.Subscription, billing.Calls, error) {
	f.keys = append(f.keys, key)
	f.reads = append(f.reads, "retrieve")
	for _, s := range f.owned {
		if s.ID == id {
			return s, billing.Calls{Attempts: 1}, f.fails["retrieve"]
		}
	}
	return billing.Subscription{}, billing.Calls{},
		&billing.Error{Class: billing.NoSuchSubscription, Calls: billing.Calls{Attempts: 1}}
}

func (f *fixture) Subscriptions(_ context.Context, key,
	customer string) ([]billing.Subscription, billing.Calls, error) {
	f.keys = append(f.keys, key)
	f.reads = append(f.reads, "list")
	own := slices.DeleteFunc(slices.Clone(f.owned), func(s billing.Subscription) bool { return s.Customer != customer })
	return own, billing.Calls{Attempts: 1}, f.fails["list"]
}

func (f *fixture) ProductNames(_ context.Context, key string, ids []string) (map[string]string, billing.Calls, error) {
	f.keys = append(f.keys, key)
	f.reads = append(f.reads, "products")
	names := map[string]string{}
	for _, id := range ids {
		names[id] = "Name of " + id
	}
	return names, billing.Calls{Attempts: 1}, f.fails["products"]
}

// serve answers a POST with this body and the valid token, after change has changed the request.
func (f *fixture) serve(contentType, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "https://api.example.com"+Path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// A document is a problem document as callers read it.
type document struct {
	Type          string   `json:"type"`
	Title         string   `json:"title"`
	Status        int      `json:"status"`
	Detail        string   `json:"detail"`
	Code          string   `json:"code"`
	RequestID     string   `json:"request_id"`
	Param         string   `json:"param"`
	Subscriptions []Choice `json:"subscriptions"`
}

func problemIn(t *testing.T, w *httptest.ResponseRecorder) document {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type = %q with status %d and body %s", got, w.Code, w.Body)
	}
	var d document
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAnswerIsARedirectUnlessTheCallerCannotFollowIt(t *testing.T) {
	navigation := "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for name, test := range map[string]struct {
		headers map[string]string
		status  int
	}{
		"no Accept": {nil, 303},
		"curl":      {map[string]string{"Accept": "*/*"}, 303},
		"navigation": {map[string]string{"Accept": navigation, "Sec-Fetch-Dest": "document"},
			303},
		"JSON":                             {map[string]string{"Accept": "application/json"}, 200},
		"JSON before anything else":        {map[string]string{"Accept": "application/json, text/plain, */*"}, 200},
		"JSON in capitals":                 {map[string]string{"Accept": "Application/JSON"}, 200},
		"JSON refused":                     {map[string]string{"Accept": "application/json;q=0, */*"}, 303},
		"HTML preferred to JSON by weight": {map[string]string{"Accept": "application/json;q=0.5, text/html"}, 303},
		"JSON preferred to HTML by weight": {map[string]string{"Accept": "text/html;q=0.5, application/json;q=0.9"},
			200},
		"JSON preferred to HTML by order": {map[string]string{"Accept": "application/json, text/html"}, 200},
		"HTML preferred to JSON by order": {map[string]string{"Accept": "text/html, application/json"}, 303},
		"malformed weight":                {map[string]string{"Accept": "application/json;q=many"}, 303},
		"fetch":                           {map[string]string{"Accept": "*/*", "Sec-Fetch-Dest": "empty"}, 200},
		"fetch that accepts HTML":         {map[string]string{"Accept": "text/html", "Sec-Fetch-Dest": "empty"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t, nil).serve("", "", func(r *http.Request) {
				for key, value := range test.headers {
					r.Header.Set(key, value)
				}
			})
			if w.Code != test.status {
				t.Fatalf("status = %d, want %d", w.Code, test.status)
			}
			location, body := w.Header().Get("Location"), w.Body.String()
			if test.status == 303 && (location != sessionURL || body != "") {
				t.Errorf("Location = %q, body = %q", location, body)
			}
			if test.status == 200 && (location != "" || body != `{"url":"`+sessionURL+`"}` ||
				w.Header().Get("Content-Type") != "application/json") {
				t.Errorf("Location = %q, body = %q, headers = %v", location, body, w.Header())
			}
		})
	}
}

func TestRouteAndMethod(t *testing.T) {
	for name, test := range map[string]struct {
		method, path string
		status       int
		code, allow  string
	}{
		"GET":            {"GET", Path, 405, "method-not-allowed", "POST"},
		"HEAD":           {"HEAD", Path, 405, "method-not-allowed", "POST"},
		"PUT":            {"PUT", Path, 405, "method-not-allowed", "POST"},
		"OPTIONS":        {"OPTIONS", Path, 405, "method-not-allowed", "POST"},
		"another path":   {"POST", "/billing", 404, "not-found", ""},
		"trailing slash": {"POST", Path + "/", 404, "not-found", ""},
		"GET elsewhere":  {"GET", "/", 404, "not-found", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t, nil).serve("", "",
				func(r *http.Request) { r.Method, r.URL.Path = test.method, test.path })
			if d := problemIn(t, w); w.Code != test.status || d.Code != test.code ||
				w.Header().Get("Allow") != test.allow {
				t.Errorf("status = %d, code = %s, Allow = %q", w.Code, d.Code, w.Header().Get("Allow"))
			}
		})
	}
}

func TestEveryFailureHasItsCode(t *testing.T) {
	stripeFails := func(failure billing.Error) func(f *fixture) {
		return func(f *fixture) { f.create = func(int) (*billing.Session, error) { return nil, &failure } }
	}
	lookupFails := func(err error) func(f *fixture) {
		return func(f *fixture) { f.lookUp = func() (string, error) { return "", err } }
	}
	secretFails := func(err error) func(f *fixture) {
		return func(f *fixture) { f.key = func() (secret.Key, error) { return secret.Key{}, err } }
	}
	verifyFails := func(err error) func(f *fixture) {
		return func(f *fixture) { f.verify = func(string) (auth.Caller, error) { return auth.Caller{}, err } }
	}
	refused := stripeFails(billing.Error{Class: billing.KeyRefused})
	for name, test := range map[string]struct {
		fail       func(f *fixture)
		status     int
		code       string
		retryAfter string
		param      string
	}{
		"token": {verifyFails(&auth.InvalidTokenError{Reason: "expired"}), 401,
			"invalid-token", "", ""},
		"scope": {verifyFails(&auth.InsufficientScopeError{Scope: "billing"}), 403,
			"insufficient-scope", "", ""},
		"role": {verifyFails(&auth.InsufficientRoleError{Claim: "org_role"}), 403,
			"insufficient-role", "", ""},
		"issuer down": {verifyFails(&auth.KeysUnavailableError{RetryAfter: 1500 * time.Millisecond,
			Err: errors.New("no connection")}), 503, "identity-provider-unavailable", "2", ""},
		"no customer":        {lookupFails(customers.ErrNoCustomer), 404, "no-billing-account", "", ""},
		"malformed customer": {lookupFails(customers.ErrMalformed), 500, "billing-misconfigured", "", ""},
		"DynamoDB down": {lookupFails(&upstream.Error{Service: "dynamodb"}), 503,
			"customer-store-unavailable", "5", ""},
		"DynamoDB hangs": {lookupFails(&upstream.Error{Service: "dynamodb", Timeout: true}), 504,
			"upstream-timeout", "", ""},
		"budget spent":        {lookupFails(context.DeadlineExceeded), 504, "upstream-timeout", "", ""},
		"an unexpected error": {lookupFails(errors.New("unforeseen")), 500, "internal", "", ""},
		"Secrets Manager down": {secretFails(&upstream.Error{Service: "secretsmanager"}), 503,
			"secrets-unavailable", "5", ""},
		"Secrets Manager hangs": {secretFails(&upstream.Error{Service: "secretsmanager", Timeout: true}), 504,
			"upstream-timeout", "", ""},
		"Secrets Manager denies": {secretFails(&upstream.Error{Service: "secretsmanager", Permanent: true}), 500,
			"billing-misconfigured", "", ""},
		"malformed secret": {secretFails(secret.MalformedError("it is empty")), 500,
			"billing-misconfigured", "", ""},
		"Stripe down": {stripeFails(billing.Error{Class: billing.Unavailable}), 502,
			"billing-unavailable", "", ""},
		"Stripe hangs": {stripeFails(billing.Error{Class: billing.Timeout}), 504,
			"upstream-timeout", "", ""},
		"Stripe sends an invalid answer": {stripeFails(billing.Error{Class: billing.BadResponse}), 502,
			"billing-bad-response", "", ""},
		"Stripe busy": {stripeFails(billing.Error{Class: billing.Busy}), 503, "billing-busy", "1", ""},
		"Stripe busy for a while": {stripeFails(billing.Error{Class: billing.Busy, RetryAfter: 7 * time.Second}), 503,
			"billing-busy", "7", ""},
		"stale mapping": {stripeFails(billing.Error{Class: billing.NoSuchCustomer, Param: "customer"}), 404,
			"no-billing-account", "", ""},
		"key refused": {refused, 500, "billing-misconfigured", "", ""},
		"permission": {stripeFails(billing.Error{Class: billing.PermissionMissing}), 500,
			"billing-misconfigured", "", ""},
		"mode": {stripeFails(billing.Error{Class: billing.ModeMismatch}), 500,
			"billing-misconfigured", "", ""},
		"no configuration": {stripeFails(billing.Error{Class: billing.NoSuchConfiguration}), 500,
			"billing-misconfigured", "", ""},
		"no account": {stripeFails(billing.Error{Class: billing.NoSuchAccount}), 500,
			"billing-misconfigured", "", ""},
		"portal never saved": {stripeFails(billing.Error{Class: billing.PortalNotConfigured}), 500,
			"billing-misconfigured", "", ""},
		"no subscription": {stripeFails(billing.Error{
			Class: billing.NoSuchSubscription, Param: "flow_data[subscription_cancel][subscription]",
		}), 404, "subscription-not-found", "", "flow_data[subscription_cancel][subscription]"},
		"subscription refused": {stripeFails(billing.Error{
			Class: billing.SubscriptionRefused, Param: "flow_data[subscription_cancel][subscription]",
		}), 409, "subscription-not-eligible", "", "flow_data[subscription_cancel][subscription]"},
		"request refused": {stripeFails(billing.Error{Class: billing.RequestRefused}), 500,
			"billing-misconfigured", "", ""},
		"flow unavailable": {stripeFails(billing.Error{Class: billing.FlowUnavailable}), 409,
			"flow-unavailable", "", ""},
		"DynamoDB denies": {lookupFails(&upstream.Error{Service: "dynamodb", Permanent: true}), 500,
			"billing-misconfigured", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			test.fail(f)
			w := f.serve("", "", nil)
			d := problemIn(t, w)
			if w.Code != test.status || d.Status != test.status || d.Code != test.code || d.Param != test.param {
				t.Errorf("status = %d, problem = %+v", w.Code, d)
			}
			if got := w.Header().Get("Retry-After"); got != test.retryAfter {
				t.Errorf("Retry-After = %q, want %q", got, test.retryAfter)
			}
			if d.Type != "urn:billing-portal:problem:"+d.Code || d.Title == "" || d.Detail == "" ||
				d.RequestID != "request-1" {
				t.Errorf("problem = %+v", d)
			}
		})
	}
}

// A parameter that the caller did not send comes from the mapping or from the operator's defaults,
// so the caller cannot correct it.
func TestRefusedParameterIsTheCallersErrorOnlyIfTheySentIt(t *testing.T) {
	const flow = "flow_data[type]=payment_method_update&flow_data[after_completion][type]=portal_homepage"
	for name, test := range map[string]struct {
		sent, refused string
		status        int
		code, param   string
	}{
		"sent":          {"locale=de", "locale", 400, "invalid-parameter", "locale"},
		"sent, as JSON": {`{"locale":"de"}`, "locale", 400, "invalid-parameter", "locale"},
		"sent among others": {"locale=de&" + flow, "flow_data[after_completion][type]", 400,
			"invalid-parameter", "flow_data[after_completion][type]"},
		"a block that was sent": {flow, "flow_data", 400, "invalid-parameter", "flow_data"},
		"missing in a block that was sent": {flow, "flow_data[after_completion][redirect][return_url]", 400,
			"invalid-parameter", "flow_data[after_completion][redirect][return_url]"},
		"the operator's default":                         {"", "return_url", 500, "billing-misconfigured", ""},
		"the operator's default, another parameter sent": {"locale=de", "return_url", 500, "billing-misconfigured", ""},
		"the caller's own return URL": {"return_url=https://app.example.com/", "return_url", 400,
			"invalid-parameter", "return_url"},
		"null, which counts as not sent": {`{"locale":"de","return_url":null}`, "return_url", 500,
			"billing-misconfigured", ""},
		"the mapped customer": {"", "customer", 500, "billing-misconfigured", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.create = func(int) (*billing.Session, error) {
				return nil, &billing.Error{Class: billing.ParameterRefused, Param: test.refused,
					Type: stripe.ErrorTypeInvalidRequest, Code: stripe.ErrorCodeURLInvalid}
			}
			contentType := formType
			if strings.HasPrefix(test.sent, "{") {
				contentType = jsonType
			}
			w := f.serve(contentType, test.sent, nil)
			if d := problemIn(t, w); w.Code != test.status || d.Code != test.code || d.Param != test.param {
				t.Errorf("status = %d, problem = %+v", w.Code, d)
			}
			if test.status == 500 && !strings.Contains(f.logs.String(), `"level":"ERROR"`) {
				t.Errorf("no error: %s", f.logs.String())
			}
			for _, want := range []string{`"stripe_type":"invalid_request_error"`, `"stripe_code":"url_invalid"`,
				`"stripe_param":"` + test.refused + `"`} {
				if !strings.Contains(f.logs.String(), want) {
					t.Errorf("the line lacks %s: %s", want, f.logs.String())
				}
			}
		})
	}
}

func TestRefusedKeyIsRenewedOnce(t *testing.T) {
	refused := &billing.Error{Class: billing.KeyRefused, Calls: billing.Calls{Attempts: 1}}
	for name, test := range map[string]struct {
		renewed     bool
		renewErr    error
		secondFails bool
		status      int
		keys        []string // of the calls to Stripe
	}{
		"a new key works":       {true, nil, false, 303, []string{oldKey, newKey}},
		"a new key fails too":   {true, nil, true, 500, []string{oldKey, newKey}},
		"there is no new key":   {false, nil, false, 500, []string{oldKey}},
		"Secrets Manager fails": {false, &upstream.Error{Service: "secretsmanager"}, false, 503, []string{oldKey}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.create = func(call int) (*billing.Session, error) {
				if call == 1 || test.secondFails {
					return nil, refused
				}
				return &billing.Session{URL: sessionURL, Calls: billing.Calls{Attempts: 1}}, nil
			}
			f.renewed = func() (secret.Key, bool, error) { return keyOf(newKey), test.renewed, test.renewErr }
			w := f.serve("", "", nil)
			if w.Code != test.status || !slices.Equal(f.keys, test.keys) {
				t.Errorf("status = %d after calls with the keys %q", w.Code, f.keys)
			}
		})
	}
}

// The token's user decides about everything that follows.
func TestARequestUsesOneKeyAndOneCustomer(t *testing.T) {
	f := newFixture(t, nil)
	f.verify = func(string) (auth.Caller, error) { return auth.Caller{UserID: "bob"}, nil }
	f.owned = append(f.owned,
		billing.Subscription{ID: "sub_2", Customer: "cus_bob", Status: stripe.SubscriptionStatusActive})
	w := f.serve(formType, cancelAlone, nil)
	if w.Code != http.StatusSeeOther || len(f.created) != 1 {
		t.Fatalf("status = %d: %s", w.Code, w.Body)
	}
	created := f.created[0]
	if customer, subscription := *created.Customer,
		*created.FlowData.SubscriptionCancel.Subscription; customer != "cus_bob" || subscription != "sub_2" {
		t.Errorf("session of %s about %s", customer, subscription)
	}
	if !slices.Equal(f.keys, []string{oldKey, oldKey}) {
		t.Errorf("calls with the keys %q", f.keys)
	}
}

func TestNavigationWithoutAccountGoesToThePricingPage(t *testing.T) {
	const pricing = "https://example.com/pricing"
	for name, test := range map[string]struct {
		accept   string
		err      error
		status   int
		location string
	}{
		"navigation":         {"text/html", customers.ErrNoCustomer, 303, pricing},
		"script":             {"application/json", customers.ErrNoCustomer, 404, ""},
		"curl":               {"*/*", customers.ErrNoCustomer, 404, ""},
		"another navigation": {"text/html", &upstream.Error{Service: "dynamodb"}, 503, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.NoAccountURL = pricing })
			f.lookUp = func() (string, error) { return "", test.err }
			w := f.serve("", "", header("Accept", test.accept))
			if w.Code != test.status || w.Header().Get("Location") != test.location {
				t.Errorf("status = %d, Location = %q", w.Code, w.Header().Get("Location"))
			}
		})
	}
}

func BenchmarkHandler(b *testing.B) {
	f := &fixture{owned: []billing.Subscription{{ID: "sub_1", Customer: "cus_alice"}}}
	handler, err := New(Config{
		Verifier: f, Customers: f, Keys: f, Sessions: f, Subscriptions: f,
		Policy: params.Policy{AllowedOrigins: []params.Origin{"https://app.example.com"}, DefaultReturnURL: appURL,
			AllowedFlows: params.Flows()},
		Log:       requestlog.New(io.Discard, "PortalFunction", ""),
		RequestID: func(context.Context) string { return "request-1" },
	})
	if err != nil {
		b.Fatal(err)
	}
	f.Handler = handler
	const form = "flow_data[type]=subscription_cancel&flow_data[subscription_cancel][subscription]=sub_1"
	for b.Loop() {
		if w := f.serve("application/x-www-form-urlencoded", form, nil); w.Code != http.StatusSeeOther {
			b.Fatal(w.Code, w.Body)
		}
		f.created, f.reads = f.created[:0], f.reads[:0]
	}
}
