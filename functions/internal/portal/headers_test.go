package portal

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/button"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/problem"
)

// headersOf returns the headers that every answer has, and further ones: a name, its value, and so
// on.
func headersOf(further ...string) http.Header {
	header := http.Header{"Cache-Control": {"no-store"}, "Referrer-Policy": {"no-referrer"},
		"X-Content-Type-Options": {"nosniff"}}
	for i := 0; i < len(further); i += 2 {
		header.Set(further[i], further[i+1])
	}
	return header
}

// pageHeaders returns the headers of a page. Its Content-Security-Policy contains the hash of the
// page's own style.
func pageHeaders(page string, further ...string) http.Header {
	_, style, _ := strings.Cut(page, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	header := headersOf(further...)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Vary", "Accept, Accept-Language")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+
		base64.StdEncoding.EncodeToString(sum[:])+"'; base-uri 'none'; frame-ancestors 'none'")
	return header
}

func requireHeaders(t *testing.T, name string, w *httptest.ResponseRecorder, status int, want http.Header) {
	t.Helper()
	if w.Code != status || !maps.EqualFunc(w.Header(), want, slices.Equal) {
		t.Errorf("%s: %d %v\nwant %d %v", name, w.Code, w.Header(), status, want)
	}
}

// noAccountURL is the redirect target of a navigation without an account in these tests.
const noAccountURL = "https://example.com/pricing"

func newHeadersFixture(t *testing.T) *fixture {
	return newFixture(t, func(c *Config) { c.SessionCookie, c.NoAccountURL = "session", noAccountURL })
}

func TestTheHeadersOfASuccess(t *testing.T) {
	f := newHeadersFixture(t)
	requireHeaders(t, "a redirect", f.serve("", "", nil), 303, headersOf("Location", sessionURL))
	requireHeaders(t, "a session as JSON", f.serve("", "", header("Accept", "application/json")), 200,
		headersOf("Content-Type", "application/json"))
	f = newHeadersFixture(t)
	question := f.get(t, http.MethodGet, Path+"?locale=de", "Accept", "text/html")
	requireHeaders(t, "a question", question, 200, pageHeaders(question.Body.String()))
	f.lookUp = func() (string, error) { return "", customers.ErrNoCustomer }
	requireHeaders(t, "a navigation without an account", f.serve("", "", header("Accept", "text/html")), 303,
		headersOf("Location", noAccountURL))
}

// Documents and pages have the same headers, except those for the format.
func TestTheHeadersOfARefusal(t *testing.T) {
	verifyFails := func(err error) func(*fixture) {
		return func(f *fixture) { f.verify = func(string) (auth.Caller, error) { return auth.Caller{}, err } }
	}
	createFails := func(err error) func(*fixture) {
		return func(f *fixture) { f.create = func(int) (*billing.Session, error) { return nil, err } }
	}
	post := func(contentType, body string, change func(*http.Request)) func(*fixture,
		string) *httptest.ResponseRecorder {
		return func(f *fixture, accept string) *httptest.ResponseRecorder {
			return f.serve(contentType, body, func(r *http.Request) {
				r.Header.Set("Accept", accept)
				if change != nil {
					change(r)
				}
			})
		}
	}
	reject := func(code problem.Code) func(*fixture, string) *httptest.ResponseRecorder {
		return func(f *fixture, accept string) *httptest.ResponseRecorder {
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, Path, nil)
			r.Header.Set("Accept", accept)
			f.Reject(w, r, code, errors.New("rejected"))
			return w
		}
	}
	for name, test := range map[string]struct {
		fail    func(*fixture)
		ask     func(f *fixture, accept string) *httptest.ResponseRecorder
		status  int
		further []string
	}{
		"a bad parameter": {nil, post(formType, "colour=blue", nil), 400, nil},
		"no credentials": {nil, post("", "", func(r *http.Request) { r.Header.Del("Authorization") }), 401,
			[]string{"WWW-Authenticate", "Bearer"}},
		"a bad token": {
			verifyFails(&auth.InvalidTokenError{Reason: "expired"}), post("", "", nil), 401,
			[]string{"WWW-Authenticate", `Bearer error="invalid_token"`},
		},
		"a missing scope": {
			verifyFails(&auth.InsufficientScopeError{Scope: "billing"}), post("", "", nil), 403,
			[]string{"WWW-Authenticate", `Bearer error="insufficient_scope", scope="billing"`},
		},
		"a missing role": {verifyFails(&auth.InsufficientRoleError{Claim: "org_role"}), post("", "", nil), 403, nil},
		"another path":   {nil, post("", "", func(r *http.Request) { r.URL.Path = "/billing" }), 404, nil},
		"another method": {nil, post("", "", func(r *http.Request) { r.Method = http.MethodPut }), 405,
			[]string{"Allow", "POST"}},
		"not a preflight": {nil, post("", "", func(r *http.Request) { r.Method = http.MethodOptions }), 405,
			[]string{"Allow", "POST"}},
		"a POST to the button": {
			nil, post("", "", func(r *http.Request) { r.URL.Path = button.Path }), 405, []string{"Allow", "GET, HEAD"},
		},
		"several subscriptions": {
			func(f *fixture) {
				f.owned = []billing.Subscription{subscription("1", stripe.SubscriptionStatusActive, nil),
					subscription("2", stripe.SubscriptionStatusActive, nil)}
			},
			post(formType, cancelAlone, func(r *http.Request) {
				r.Header.Del("Authorization")
				r.Header.Set("Cookie", "session="+testToken)
			}), 409, nil,
		},
		"a body that is too large": {nil, reject("payload-too-large"), 413, nil},
		"another media type":       {nil, post("text/plain", "x", nil), 415, nil},
		"a crash":                  {nil, reject("internal"), 500, nil},
		"Stripe is down": {createFails(&billing.Error{Class: billing.Unavailable}),
			post("", "", nil), 502, nil},
		"Stripe is busy": {createFails(&billing.Error{Class: billing.Busy}), post("", "", nil), 503,
			[]string{"Retry-After", "1"}},
		"Stripe is slow": {createFails(&billing.Error{Class: billing.Timeout}), post("", "", nil), 504, nil},
	} {
		for _, accept := range []string{"*/*", "application/json", "text/html"} {
			f := newHeadersFixture(t)
			if test.fail != nil {
				test.fail(f)
			}
			w := test.ask(f, accept)
			want := headersOf(append(test.further, "Content-Type", "application/problem+json")...)
			if accept == "text/html" {
				want = pageHeaders(w.Body.String(), test.further...)
			}
			requireHeaders(t, name+", "+accept, w, test.status, want)
		}
	}
	w := newHeadersFixture(t).get(t, http.MethodGet, Path+"?colour=x", "Accept", "text/html")
	requireHeaders(t, "a link with a bad parameter", w, 400, pageHeaders(w.Body.String()))
}
