package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/requestlog/requestlogtest"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

const withSubscriptions = "?include=subscriptions"

// askStatus requests the status with the valid token, after change has changed the request.
func (f *fixture) askStatus(query string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "https://api.example.com"+StatusPath+query, nil)
	r.Header.Set("Authorization", "Bearer "+testToken)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func statusHeaders() http.Header {
	return headersOf("Content-Type", "application/json", "Cache-Control", "private, max-age=60",
		"Vary", "Origin, Authorization, Cookie")
}

// requireStatus compares the whole answer and the calls that it needed.
func requireStatus(t *testing.T, f *fixture, w *httptest.ResponseRecorder, body string, reads ...string) {
	t.Helper()
	requireHeaders(t, "the status", w, http.StatusOK, statusHeaders())
	if w.Body.String() != body {
		t.Errorf("%s\nwant\n%s", w.Body, body)
	}
	if f.lookups != 1 || !slices.Equal(f.reads, reads) || len(f.created) > 0 {
		t.Errorf("%d lookups, calls to Stripe %v, want %v", f.lookups, f.reads, reads)
	}
}

func withoutCustomer(f *fixture) {
	f.lookUp = func() (string, error) { return "", customers.ErrNoCustomer }
}

func TestStatusReadsOnlyTheMapping(t *testing.T) {
	for name, test := range map[string]struct {
		setUp    func(*fixture)
		livemode bool
		body     string
	}{
		"an account":   {nil, false, `{"object":"billing_status","account":true,"livemode":false}`},
		"in live mode": {nil, true, `{"object":"billing_status","account":true,"livemode":true}`},
		"no account": {withoutCustomer, false,
			`{"object":"billing_status","account":false,"livemode":false}`},
		"no account, in live mode": {withoutCustomer, true,
			`{"object":"billing_status","account":false,"livemode":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.Livemode = test.livemode })
			f.key = func() (secret.Key, error) { return secret.Key{}, errors.New("the secret is read") }
			if test.setUp != nil {
				test.setUp(f)
			}
			requireStatus(t, f, f.askStatus("", nil), test.body)
		})
	}
}

// Navigations and scripts get the same answer.
func TestStatusIsAlwaysJSON(t *testing.T) {
	for _, accept := range []string{"", "text/html", "application/json", "image/png"} {
		f := newFixture(t, nil)
		requireStatus(t, f, f.askStatus("", header("Accept", accept)),
			`{"object":"billing_status","account":true,"livemode":false}`)
	}
}

func TestAHeadOfTheStatusHasNoBody(t *testing.T) {
	f := newFixture(t, nil)
	requireStatus(t, f, f.askStatus("", func(r *http.Request) { r.Method = http.MethodHead }), "")
}

func ending(s *billing.Subscription) {
	s.Cancelling, s.CancelAt, s.CurrentPeriodEnd = true, 1_800_000_000, 1_700_000_000
}

func TestTheStatusListsSubscriptionsAndFlows(t *testing.T) {
	const (
		active   = stripe.SubscriptionStatusActive
		canceled = stripe.SubscriptionStatusCanceled

		payment = params.FlowPaymentMethodUpdate
		cancel  = params.FlowSubscriptionCancel
		update  = params.FlowSubscriptionUpdate
		confirm = params.FlowSubscriptionUpdateConfirm
	)
	none, both := []string{"list"}, []string{"list", "products"}
	item := func(id string) string {
		return `{"price":"price_0","product":"Name of prod_` + id + `","quantity":1}`
	}
	for name, test := range map[string]struct {
		owned         []billing.Subscription
		allowed       []string
		subscriptions string
		flows         string
		reads         []string
	}{
		"one": {[]billing.Subscription{subscription("1", active, nil)}, params.DefaultFlows(),
			`[{"id":"sub_1","status":"active","cancel_at":null,"current_period_end":null,"items":[` + item("1") + `]}]`,
			`["payment_method_update","subscription_cancel","subscription_update","subscription_update_confirm"]`,
			both},
		"none": {nil, params.DefaultFlows(), `[]`, `["payment_method_update"]`, none},
		"another customer's": {[]billing.Subscription{subscription("bob", active, foreign)},
			params.DefaultFlows(), `[]`,
			`["payment_method_update"]`, none},
		"cancelling": {[]billing.Subscription{subscription("1", active, ending)}, params.DefaultFlows(),
			`[{"id":"sub_1","status":"active","cancel_at":1800000000,"current_period_end":1700000000,"items":[` +
				item("1") + `]}]`,
			`["payment_method_update","subscription_update","subscription_update_confirm"]`, both},
		"ended": {[]billing.Subscription{subscription("1", canceled, nil)}, params.DefaultFlows(),
			`[{"id":"sub_1","status":"canceled","cancel_at":null,"current_period_end":null,"items":[` +
				item("1") + `]}]`,
			`["payment_method_update"]`, both},
		"several items": {[]billing.Subscription{subscription("1", active, severalItemsOf)}, params.DefaultFlows(),
			`[{"id":"sub_1","status":"active","cancel_at":null,"current_period_end":null,"items":[` + item("1") +
				`,{"price":"price_more","product":"Name of ","quantity":1}]}]`,
			`["payment_method_update","subscription_cancel"]`, both},
		"without items": {[]billing.Subscription{{ID: "sub_1", Customer: "cus_alice", Status: active}},
			params.DefaultFlows(),
			`[{"id":"sub_1","status":"active","cancel_at":null,"current_period_end":null,"items":[]}]`,
			`["payment_method_update","subscription_cancel"]`, none},
		"flows in the operator's order": {[]billing.Subscription{subscription("1", canceled, nil),
			subscription("2", active, nil)}, []string{confirm, cancel},
			`[{"id":"sub_1","status":"canceled","cancel_at":null,"current_period_end":null,"items":[` + item("1") +
				`]},{"id":"sub_2","status":"active","cancel_at":null,"current_period_end":null,"items":[` + item("2") +
				`]}]`, `["subscription_update_confirm","subscription_cancel"]`, both},
		"flows that are not allowed": {nil, []string{update}, `[]`, `[]`, none},
		"a flow without a subscription": {nil, []string{"customer_update", payment}, `[]`,
			`["customer_update","payment_method_update"]`, none},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.Policy.AllowedFlows = test.allowed })
			f.owned = test.owned
			requireStatus(t, f, f.askStatus(withSubscriptions, nil), `{"object":"billing_status","account":true,`+
				`"livemode":false,"subscriptions":`+test.subscriptions+`,"flows":`+test.flows+`}`, test.reads...)
		})
	}
}

// The status offers a flow if, and only if, its button works.
func TestStatusOffersExactlyTheFlowsThatWork(t *testing.T) {
	forms := map[string]string{params.FlowSubscriptionCancel: cancelAlone, params.FlowSubscriptionUpdate: updateAlone,
		params.FlowSubscriptionUpdateConfirm: confirmAlone,
		params.FlowPaymentMethodUpdate:       "flow_data[type]=payment_method_update"}
	for _, state := range []stripe.SubscriptionStatus{"active", "trialing", "past_due", "unpaid", "paused",
		"incomplete", "incomplete_expired", "canceled"} {
		for name, change := range map[string]func(*billing.Subscription){"": nil, "ending": ending,
			"several items": severalItemsOf} {
			f := newFixture(t, nil)
			f.owned = []billing.Subscription{subscription("1", state, change)}
			var status struct{ Flows []string }
			if err := json.Unmarshal(f.askStatus(withSubscriptions, nil).Body.Bytes(), &status); err != nil {
				t.Fatal(err)
			}
			for flow, form := range forms {
				pressed := f.serve(formType, form, nil).Code == http.StatusSeeOther
				if offered := slices.Contains(status.Flows, flow); offered != pressed {
					t.Errorf("%s %s: %s is offered: %v, pressed: %v", state, name, flow, offered, pressed)
				}
			}
		}
	}
}

func TestAStatusWithoutAnAccountListsNothing(t *testing.T) {
	f := newFixture(t, nil)
	withoutCustomer(f)
	requireStatus(t, f, f.askStatus(withSubscriptions, nil),
		`{"object":"billing_status","account":false,"livemode":false,"subscriptions":[],"flows":[]}`)
}

// A stale mapping, for which the POST answers no-billing-account, is a 200 here. It is logged as an
// error all the same, because an operator must correct it.
func TestStatusOfAStaleMappingHasNoAccount(t *testing.T) {
	f := newFixture(t, nil)
	f.fails = map[string]error{"list": &billing.Error{Class: billing.NoSuchCustomer,
		Calls: billing.Calls{Attempts: 1, RequestID: "req_2"}}}
	requireStatus(t, f, f.askStatus(withSubscriptions, nil),
		`{"object":"billing_status","account":false,"livemode":false,"subscriptions":[],"flows":[]}`, "list")
	line := f.line(t)
	for name, want := range map[string]any{
		"level": "ERROR", "code": "no-billing-account", "status": 200.0, "account": "false", "customer_id": "cus_alice",
		"stripe_request_id": "req_2", "failures": 0.0,
	} {
		if line[name] != want {
			t.Errorf("%s = %v, want %v", name, line[name], want)
		}
	}
}

func TestStatusDoesNotNeedProductNames(t *testing.T) {
	f := newFixture(t, nil)
	f.fails = map[string]error{"products": &billing.Error{Class: billing.PermissionMissing}}
	w := f.askStatus(withSubscriptions, nil)
	if w.Code != http.StatusOK || !strings.Contains(f.logs.String(),
		`"note":"stripe: the restricted API key lacks a permission"`) {
		t.Errorf("status = %d: %s\n%s", w.Code, w.Body, f.logs.String())
	}
}

func TestTheQueryStringOfTheStatus(t *testing.T) {
	many := strings.Repeat("a=&", 201)
	for query, want := range map[string]document{
		"?include=subscriptions":       {Status: 200},
		"?":                            {Status: 200},
		"?&include=subscriptions&":     {Status: 200},
		"?include=sub%73criptions":     {Status: 200},
		"?include":                     {Status: 400, Code: "invalid-parameter", Param: "include"},
		"?include=":                    {Status: 400, Code: "invalid-parameter", Param: "include"},
		"?include=invoices":            {Status: 400, Code: "invalid-parameter", Param: "include"},
		"?include=Subscriptions":       {Status: 400, Code: "invalid-parameter", Param: "include"},
		"?include=subscriptions,flows": {Status: 400, Code: "invalid-parameter", Param: "include"},
		"?include=subscriptions&include=subscriptions": {Status: 400, Code: "invalid-parameter", Param: "include"},
		"?include[]=subscriptions":                     {Status: 400, Code: "unknown-parameter"},
		"?include[0]=subscriptions":                    {Status: 400, Code: "unknown-parameter", Param: "include[0]"},
		"?include=subscriptions&customer=cus_bob":      {Status: 400, Code: "unknown-parameter", Param: "customer"},
		"?colour=red":     {Status: 400, Code: "unknown-parameter", Param: "colour"},
		"?locale=de":      {Status: 400, Code: "unknown-parameter", Param: "locale"},
		"?access_token=x": {Status: 400, Code: "unknown-parameter", Param: "access_token"},
		"?include=%zz":    {Status: 400, Code: "invalid-request"},
		"?" + many:        {Status: 400, Code: "invalid-request"},
	} {
		f := newFixture(t, nil)
		raw := strings.TrimPrefix(query, "?")
		w := f.askStatus("", func(r *http.Request) { r.URL.RawQuery = raw })
		if w.Code != want.Status {
			t.Errorf("%s: %d %s, want %d", query, w.Code, w.Body, want.Status)
		}
		if want.Code == "" {
			continue
		}
		if d := problemIn(t, w); d.Code != want.Code || d.Param != want.Param || f.lookups > 0 {
			t.Errorf("%s: %s %s after %d lookups, want %s %s", query, d.Code, d.Param, f.lookups, want.Code, want.Param)
		}
	}
}

func TestMethodsOfTheStatus(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
		f := newFixture(t, nil)
		w := f.askStatus("", func(r *http.Request) { r.Method = method })
		requireHeaders(t, method, w, 405, headersOf("Allow", "GET, HEAD", "Content-Type", "application/problem+json"))
		if f.lookups > 0 {
			t.Errorf("%s looked up the user", method)
		}
	}
	if w := newFixture(t, nil).askStatus("", func(r *http.Request) { r.URL.Path += "/" }); w.Code != 404 {
		t.Errorf("with a trailing slash: %d", w.Code)
	}
}

// CORS keeps another site's page from reading the answer, but not from seeing whether the request
// succeeded.
func TestCredentialsOfTheStatus(t *testing.T) {
	cookie := func(value string, headers ...string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("Cookie", "session="+value)
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
		}
	}
	for name, test := range map[string]struct {
		change func(*http.Request)
		status int
		code   string
	}{
		"a token": {nil, 200, ""},
		"none": {func(r *http.Request) { r.Header.Del("Authorization") }, 401,
			"missing-credentials"},
		"a bad token":                   {header("Authorization", "Bearer x"), 401, "invalid-token"},
		"two credentials":               {header("Cookie", "session="+testToken), 400, "invalid-request"},
		"a cookie":                      {cookie(testToken), 200, ""},
		"a cookie, the same origin":     {cookie(testToken, "Sec-Fetch-Site", "same-origin"), 200, ""},
		"a cookie, an address typed in": {cookie(testToken, "Sec-Fetch-Site", "none"), 200, ""},
		"a cookie, the app's origin": {cookie(testToken, "Sec-Fetch-Site", "same-site", "Origin",
			"https://app.example.com"), 200, ""},
		"a cookie, a sibling": {cookie(testToken, "Sec-Fetch-Site", "same-site", "Origin",
			"https://blog.example.com"), 403, "cross-origin-request"},
		"a cookie, an image on a sibling's page": {cookie(testToken, "Sec-Fetch-Site", "same-site"), 403,
			"cross-origin-request"},
		"a cookie, another site": {cookie(testToken, "Sec-Fetch-Site", "cross-site", "Origin",
			"https://evil.example"), 403, "cross-origin-request"},
		"a cookie, another site, an old browser": {cookie(testToken, "Origin", "https://evil.example"), 403,
			"cross-origin-request"},
		"a bad cookie, another site": {cookie("x", "Sec-Fetch-Site", "cross-site"), 403, "cross-origin-request"},
		"a HEAD from another site": {func(r *http.Request) {
			cookie(testToken, "Sec-Fetch-Site", "cross-site")(r)
			r.Method = http.MethodHead
		}, 403, "cross-origin-request"},
		// CORS keeps the answer from the page
		"a token, another site": {header("Origin", "https://evil.example"), 200, ""},
		"two cookies":           {cookie(testToken + "; session=other"), 400, "invalid-request"},
		"the same cookie twice": {cookie(testToken + "; session=" + testToken), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.SessionCookie = "session" })
			w := f.askStatus("", test.change)
			if w.Code != test.status {
				t.Fatalf("status = %d: %s", w.Code, w.Body)
			}
			if test.code != "" {
				if d := problemIn(t, w); d.Code != test.code || f.lookups > 0 {
					t.Errorf("%s after %d lookups", d.Code, f.lookups)
				}
			}
		})
	}
}

// The form field is only for forms, and a GET has no form.
func TestStatusIgnoresATokenInTheBody(t *testing.T) {
	f := newFixture(t, nil)
	r := httptest.NewRequest(http.MethodGet, StatusPath, strings.NewReader("access_token="+testToken))
	r.Header.Set("Content-Type", formType)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if d := problemIn(t, w); d.Code != "missing-credentials" {
		t.Errorf("%+v", d)
	}
}

func TestFailuresOfTheStatus(t *testing.T) {
	verifyFails := func(err error) func(*fixture) {
		return func(f *fixture) { f.verify = func(string) (auth.Caller, error) { return auth.Caller{}, err } }
	}
	lookupFails := func(err error) func(*fixture) {
		return func(f *fixture) { f.lookUp = func() (string, error) { return "", err } }
	}
	listFails := func(class billing.Class) func(*fixture) {
		return func(f *fixture) { f.fails = map[string]error{"list": &billing.Error{Class: class}} }
	}
	for name, test := range map[string]struct {
		fail   func(*fixture)
		query  string
		status int
		code   string
	}{
		"no scope": {verifyFails(&auth.InsufficientScopeError{Scope: "billing"}), "", 403, "insufficient-scope"},
		"no role":  {verifyFails(&auth.InsufficientRoleError{Claim: "org_role"}), "", 403, "insufficient-role"},
		"issuer down": {verifyFails(&auth.KeysUnavailableError{Err: errors.New("x")}), "", 503,
			"identity-provider-unavailable"},
		"malformed customer": {lookupFails(customers.ErrMalformed), "", 500, "billing-misconfigured"},
		"DynamoDB down": {lookupFails(&upstream.Error{Service: "dynamodb"}), "", 503,
			"customer-store-unavailable"},
		"DynamoDB hangs": {lookupFails(&upstream.Error{Service: "dynamodb", Timeout: true}), "",
			504, "upstream-timeout"},
		"Stripe down":          {listFails(billing.Unavailable), withSubscriptions, 502, "billing-unavailable"},
		"Stripe busy":          {listFails(billing.Busy), withSubscriptions, 503, "billing-busy"},
		"Stripe hangs":         {listFails(billing.Timeout), withSubscriptions, 504, "upstream-timeout"},
		"a missing permission": {listFails(billing.PermissionMissing), withSubscriptions, 500, "billing-misconfigured"},
		"Secrets Manager down": {func(f *fixture) {
			f.key = func() (secret.Key, error) { return secret.Key{}, &upstream.Error{Service: "secretsmanager"} }
		}, withSubscriptions, 503, "secrets-unavailable"},
		"Stripe down, not needed": {listFails(billing.Unavailable), "", 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			test.fail(f)
			w := f.askStatus(test.query, nil)
			if w.Code != test.status {
				t.Fatalf("status = %d: %s", w.Code, w.Body)
			}
			if test.code == "" {
				return
			}
			if d := problemIn(t, w); d.Code != test.code || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %v", d.Code, w.Header())
			}
			page := f.askStatus(test.query, header("Accept", "text/html"))
			if page.Code != test.status || !strings.Contains(page.Body.String(), "<h1>") {
				t.Errorf("a navigation got %d %s", page.Code, page.Body)
			}
		})
	}
}

// A navigation without an account is not redirected to the pricing page, because it requested the
// status.
func TestStatusNeverRedirects(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.NoAccountURL = noAccountURL })
	withoutCustomer(f)
	requireStatus(t, f, f.askStatus("", header("Accept", "text/html")),
		`{"object":"billing_status","account":false,"livemode":false}`)
}

func TestStatusBelongsToTheTokensUser(t *testing.T) {
	f := newFixture(t, nil)
	f.verify = func(string) (auth.Caller, error) { return auth.Caller{UserID: "bob"}, nil }
	f.owned = []billing.Subscription{subscription("1", "active", nil), subscription("bob", "active", foreign)}
	w := f.askStatus(withSubscriptions, func(r *http.Request) { r.Header.Set("X-User", "alice") })
	if body := w.Body.String(); !strings.Contains(body, "sub_bob") || strings.Contains(body, "sub_1") {
		t.Error(body)
	}
}

// dimensions returns the metrics of a line, by their dimensions.
func dimensions(t *testing.T, line string) map[string][]string {
	t.Helper()
	requestlogtest.RequireMetrics(t, line)
	var members struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	if err := json.Unmarshal([]byte(line), &members); err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, directive := range members.AWS.CloudWatchMetrics {
		for _, metric := range directive.Metrics {
			of := strings.Join(directive.Dimensions[0], " ")
			found[of] = append(found[of], metric.Name)
		}
	}
	return found
}

// Alarms about presses compare failures, times and users without an account with all presses. Pages
// request the status far more often, so it is counted separately.
func TestStatusHasSeparateMetrics(t *testing.T) {
	pressed := []string{"requests", "failures", "duration_ms", "lookup_ms", "auth_ms"}
	for name, test := range map[string]struct {
		setUp func(*fixture)
		query string
		want  map[string]any
		has   map[string][]string // metrics by dimensions
		lacks map[string][]string
	}{
		"an account": {nil, "", map[string]any{"route": StatusPath, "code": "ok", "account": "true", "status": 200.0,
			"level": "INFO", "customer_id": "cus_alice", "attempts": 0.0},
			map[string][]string{"function account": {"statuses"}, "function": {"cold_starts", "keys_age_ms"},
				"function route": {"requests", "failures", "duration_ms"}},
			map[string][]string{"function": append(pressed, "secret_age_ms"), "function code": {"requests"}}},
		"no account": {withoutCustomer, "", map[string]any{"code": "ok", "account": "false", "level": "INFO"},
			map[string][]string{"function account": {"statuses"}},
			map[string][]string{"function": pressed, "function code": {"requests"}}},
		"with subscriptions": {nil, withSubscriptions, map[string]any{"code": "ok", "account": "true", "attempts": 2.0},
			map[string][]string{"function": {"secret_age_ms"}},
			map[string][]string{"function": pressed, "function code": {"requests"}}},
		"a refusal": {func(f *fixture) {
			f.verify = func(string) (auth.Caller, error) {
				return auth.Caller{}, &auth.InsufficientRoleError{Claim: "x"}
			}
		}, "", map[string]any{"code": "insufficient-role", "account": nil, "level": "INFO"},
			map[string][]string{"function route": {"requests"}},
			map[string][]string{"function": pressed, "function code": {"requests"}, "function account": {"statuses"}}},
		"a failure": {func(f *fixture) {
			f.lookUp = func() (string, error) { return "", &upstream.Error{Service: "dynamodb", Permanent: true} }
		}, "", map[string]any{"code": "billing-misconfigured", "account": nil, "level": "ERROR", "failures": 1.0},
			map[string][]string{"function code": {"requests"}, "function upstream": {"upstream_failures"},
				"function route": {"failures"}},
			map[string][]string{"function": pressed, "function account": {"statuses"}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.Log.Version, f.fetched = "7", time.Now()
			f.verify = func(string) (auth.Caller, error) {
				return auth.Caller{UserID: "alice", KeysFetched: time.Now()}, nil
			}
			if test.setUp != nil {
				test.setUp(f)
			}
			f.askStatus(test.query, nil)
			line := f.line(t)
			for name, want := range test.want {
				if line[name] != want {
					t.Errorf("%s = %v, want %v", name, line[name], want)
				}
			}
			found := dimensions(t, f.logs.String())
			for of, metrics := range test.has {
				for _, metric := range metrics {
					if !slices.Contains(found[of], metric) {
						t.Errorf("%s by %s is not counted: %v", metric, of, found)
					}
				}
			}
			test.lacks["function version"] = []string{"requests", "failures"}
			for of, metrics := range test.lacks {
				for _, metric := range metrics {
					if slices.Contains(found[of], metric) {
						t.Errorf("%s by %s is counted: %v", metric, of, found)
					}
				}
			}
		})
	}
}

func TestRefusedStatusRepeatsNoInput(t *testing.T) {
	const marker = "Marker7f3a"
	f := newFixture(t, func(c *Config) { c.SessionCookie = "session" })
	for _, query := range []string{"include=" + marker, marker + "!=1", "access_token=" + marker, "%zz" + marker} {
		w := f.askStatus("", func(r *http.Request) {
			r.URL = &url.URL{Path: StatusPath, RawQuery: query}
			r.Header.Set("Referer", "https://app.example.com/"+marker)
		})
		if w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), marker) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	if strings.Contains(f.logs.String(), marker) || strings.Contains(f.logs.String(), testToken) {
		t.Error(f.logs.String())
	}
}
