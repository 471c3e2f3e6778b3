package problem

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"billingportal/functions/internal/language"
)

// reader is the reader in these tests.
var reader = Reader{Language: "de", AppURL: "https://app.example.com/billing?tab=1&x=<2>",
	RequestID: "Ff1TQj3fFiAEJgA="}

func TestTheDocumentOfAProblem(t *testing.T) {
	for name, test := range map[string]struct {
		problem Problem
		status  int
		want    string
	}{
		"with the code's own texts": {
			Problem{Code: "not-found"}, 404,
			`{"type":"urn:billing-portal:problem:not-found","title":"Not found","status":404,` +
				`"detail":"There is nothing at this address.","code":"not-found","request_id":"Ff1TQj3fFiAEJgA="}`,
		},
		"with a reason": {
			Problem{Code: "subscription-not-eligible", Detail: "x", Reason: language.SubscriptionPaused}, 409,
			`{"type":"urn:billing-portal:problem:subscription-not-eligible","title":"This is not ` +
				`possible","status":409,` +
				`"detail":"The subscription is ` +
				`paused.","code":"subscription-not-eligible","request_id":"Ff1TQj3fFiAEJgA="}`,
		},
		"with a detail and a parameter": {
			Problem{Code: "invalid-parameter", Detail: "A quantity is a whole number.", Param: "flow_data[type]"}, 400,
			`{"type":"urn:billing-portal:problem:invalid-parameter","title":"Invalid parameter","status":400,` +
				`"detail":"A quantity is a whole ` +
				`number.","code":"invalid-parameter","request_id":"Ff1TQj3fFiAEJgA=","param":"flow_data[type]"}`,
		},
		"with members, by name": {
			Problem{Code: "subscription-ambiguous",
				Members: map[string]any{"subscriptions": []string{"sub_1"}, "another": 1}}, 409,
			`{"type":"urn:billing-portal:problem:subscription-ambiguous","title":"Which subscription?","status":409,` +
				`"detail":"The customer has several subscriptions that this flow can act on; name ` +
				`one.","code":"subscription-ambiguous",` +
				`"request_id":"Ff1TQj3fFiAEJgA=","another":1,"subscriptions":["sub_1"]}`,
		},
		"without a member that cannot be marshaled": {
			Problem{Code: "internal", Members: map[string]any{"a": func() {}, "b": true}}, 500,
			`{"type":"urn:billing-portal:problem:internal","title":"Something went wrong","status":500,` +
				`"detail":"An unexpected error occurred.","code":"internal","request_id":"Ff1TQj3fFiAEJgA=","b":true}`,
		},
		"without its cause": {
			Problem{Code: "billing-unavailable", Cause: errors.New("secret")}, 502,
			`{"type":"urn:billing-portal:problem:billing-unavailable","title":"The billing page is ` +
				`unavailable","status":502,"detail":"The billing provider cannot be ` +
				`reached.","code":"billing-unavailable","request_id":"Ff1TQj3fFiAEJgA="}`,
		},
	} {
		for _, wanted := range []Wanted{JSON, Redirect} {
			w := httptest.NewRecorder()
			test.problem.Write(w, wanted, reader)
			if w.Code != test.status || w.Body.String() != test.want {
				t.Errorf("%s: %d %s\nwant %d %s", name, w.Code, w.Body, test.status, test.want)
			}
			if want := (http.Header{"Content-Type": {"application/problem+json"}}); !maps.EqualFunc(w.Header(),
				want, slices.Equal) {
				t.Errorf("%s: headers %v, want %v", name, w.Header(), want)
			}
		}
	}
}

// Documents and pages have the same headers.
func TestTheHeadersOfAProblem(t *testing.T) {
	for name, test := range map[string]struct {
		problem Problem
		want    map[string]string
	}{
		"no credentials": {Problem{Code: "missing-credentials"}, map[string]string{"Www-Authenticate": "Bearer"}},
		"a bad token": {Problem{Code: "invalid-token"},
			map[string]string{"Www-Authenticate": `Bearer error="invalid_token"`}},
		"a missing scope": {
			Problem{Code: "insufficient-scope", Scope: "billing:manage"},
			map[string]string{"Www-Authenticate": `Bearer error="insufficient_scope", scope="billing:manage"`},
		},
		"a missing role": {Problem{Code: "insufficient-role"}, nil},
		"a method that is not allowed": {Problem{Code: "method-not-allowed", Allow: "GET, POST"},
			map[string]string{"Allow": "GET, POST"}},
		"no headers of other codes": {Problem{Code: "not-found", Allow: "GET", Scope: "x"}, nil},
		"no pause":                  {Problem{Code: "billing-busy"}, nil},
		"a negative pause":          {Problem{Code: "billing-busy", RetryAfter: -time.Second}, nil},
		"a pause": {Problem{Code: "billing-busy", RetryAfter: 5 * time.Second},
			map[string]string{"Retry-After": "5"}},
		"a pause, rounded up": {Problem{Code: "billing-busy", RetryAfter: 5*time.Second + 1},
			map[string]string{"Retry-After": "6"}},
		"the shortest pause": {Problem{Code: "billing-busy", RetryAfter: 1},
			map[string]string{"Retry-After": "1"}},
		"a pause of almost 1 s": {Problem{Code: "billing-busy", RetryAfter: time.Second - 1},
			map[string]string{"Retry-After": "1"}},
		"a pause of a whole second": {Problem{Code: "billing-busy", RetryAfter: time.Second},
			map[string]string{"Retry-After": "1"}},
	} {
		for _, wanted := range []Wanted{JSON, Page} {
			w := httptest.NewRecorder()
			test.problem.Write(w, wanted, reader)
			for _, header := range []string{"Www-Authenticate", "Allow", "Retry-After"} {
				if got := w.Header().Get(header); got != test.want[header] {
					t.Errorf("%s: %s = %q, want %q", name, header, got, test.want[header])
				}
			}
		}
	}
}

func TestAProblemWrapsItsCause(t *testing.T) {
	problem := &Problem{Code: "billing-unavailable", Cause: io.ErrUnexpectedEOF}
	if problem.Error() != "unexpected EOF" || !errors.Is(problem, io.ErrUnexpectedEOF) {
		t.Errorf("%q", problem)
	}
	for want, problem := range map[string]*Problem{
		"The billing provider cannot be reached.": {Code: "billing-unavailable"},
		"It has no url.": {Code: "billing-bad-response", Detail: "It has no url."},
	} {
		if problem.Error() != want || errors.Unwrap(problem) != nil {
			t.Errorf("%q, want %q", problem, want)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	got := http.Header{"Cache-Control": {"public"}}
	SetSecurityHeaders(got)
	want := http.Header{"Cache-Control": {"no-store"}, "Referrer-Policy": {"no-referrer"},
		"X-Content-Type-Options": {"nosniff"}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, want %v", got, want)
	}
}
