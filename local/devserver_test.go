package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// logBuffer takes log lines of requests that run at the same time.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// startLaptop serves everything that go run ./local serves, on another port, after
// what change makes of it.
func startDevserver(t *testing.T, change ...func(*devserver)) (*devserver, *logBuffer) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	l, err := newDevserver("http://"+server.Listener.Addr().String(), demoKey, demoCustomers)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range change {
		change(l)
	}
	ctx, cancel := context.WithCancel(context.Background())
	logs := &logBuffer{}
	if server.Config.Handler, err = l.handler(ctx, logs); err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(func() { cancel(); server.Close() })
	return l, logs
}

// post sends a form to the portal as a user, and does not follow the answer.
func (l *devserver) post(t *testing.T, user string, form url.Values, headers map[string]string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.origin+"/billing/portal", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if len(form) > 0 {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if user != "" {
		token, err := l.issuer.Token(user, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	return send(t, request)
}

func send(t *testing.T, request *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, request)
}

func codeOf(t *testing.T, body string) string {
	t.Helper()
	var problem struct{ Code string }
	if err := json.Unmarshal([]byte(body), &problem); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return problem.Code
}

func TestDemoUsers(t *testing.T) {
	l, logs := startDevserver(t)
	cancel := func(subscription string) url.Values {
		return url.Values{"flow_data[type]": {"subscription_cancel"}, "flow_data[subscription_cancel][subscription]": {subscription}}
	}
	for name, test := range map[string]struct {
		user   string
		form   url.Values
		status int
		code   string
	}{
		"alice":                            {"alice", nil, 303, ""},
		"alice cancels":                    {"alice", cancel("sub_DemoAlice"), 303, ""},
		"alice cancels dave's":             {"alice", cancel("sub_DemoDaveTeam"), 404, "subscription-not-found"},
		"alice cancels nothing":            {"alice", cancel("sub_DemoNobody"), 404, "subscription-not-found"},
		"bob has no account":               {"bob", nil, 404, "no-billing-account"},
		"carol's customer is deleted":      {"carol", nil, 404, "no-billing-account"},
		"dave":                             {"dave", nil, 303, ""},
		"dave cancels one":                 {"dave", cancel("sub_DemoDaveStorage"), 303, ""},
		"erin":                             {"erin", nil, 303, ""},
		"alice cancels, without IDs":       {"alice", url.Values{"flow_data[type]": {"subscription_cancel"}}, 303, ""},
		"alice changes, without IDs":       {"alice", url.Values{"flow_data[type]": {"subscription_update"}}, 303, ""},
		"alice upgrades, without IDs":      {"alice", url.Values{"flow_data[type]": {"subscription_update_confirm"}, "flow_data[subscription_update_confirm][items][0][price]": {"price_ProMonthly"}}, 303, ""},
		"dave has to choose":               {"dave", url.Values{"flow_data[type]": {"subscription_cancel"}}, 409, "subscription-ambiguous"},
		"erin has none left to cancel":     {"erin", url.Values{"flow_data[type]": {"subscription_cancel"}}, 409, "subscription-not-eligible"},
		"erin cancels what she cancelled":  {"erin", cancel("sub_DemoErin"), 409, "subscription-not-eligible"},
		"a user nobody has heard of":       {"mallory", nil, 404, "no-billing-account"},
		"nobody":                           {"", nil, 401, "missing-credentials"},
		"alice asks for a price not sold":  {"alice", url.Values{"flow_data[type]": {"subscription_update_confirm"}, "flow_data[subscription_update_confirm][subscription]": {"sub_DemoAlice"}, "flow_data[subscription_update_confirm][items][0][id]": {"si_DemoAlice"}, "flow_data[subscription_update_confirm][items][0][price]": {"price_Unknown"}}, 400, "invalid-parameter"},
		"alice asks for a coupon unlisted": {"alice", url.Values{"flow_data[type]": {"subscription_cancel"}, "flow_data[subscription_cancel][subscription]": {"sub_DemoAlice"}, "flow_data[subscription_cancel][retention][type]": {"coupon_offer"}, "flow_data[subscription_cancel][retention][coupon_offer][coupon]": {"FREE"}}, 403, "parameter-not-allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := l.post(t, test.user, test.form, nil)
			if response.StatusCode != test.status {
				t.Fatalf("status = %d: %s\n%s", response.StatusCode, body, logs)
			}
			if test.code != "" && codeOf(t, body) != test.code {
				t.Errorf("problem = %s", body)
			}
			if location := response.Header.Get("Location"); (location != "") != (test.status == 303) {
				t.Errorf("Location = %q", location)
			}
		})
	}
}

func TestPortalPageShowsWhatTheCustomerWouldSee(t *testing.T) {
	l, _ := startDevserver(t)
	response, _ := l.post(t, "alice", url.Values{
		"configuration":   {"bpc_DemoCancelOnly"},
		"locale":          {"de"},
		"return_url":      {l.origin + "/back?from=portal"},
		"flow_data[type]": {"subscription_cancel"},
		"flow_data[subscription_cancel][subscription]": {"sub_DemoAlice"},
	}, nil)
	_, page := get(t, response.Header.Get("Location"))
	for _, want := range []string{"cus_DemoAlice", "subscription_cancel", "bpc_DemoCancelOnly", "de", l.origin + "/back?from=portal"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestOneOriginServesEverything(t *testing.T) {
	l, _ := startDevserver(t)
	for path, want := range map[string]int{
		"/":         200,
		"/demo.css": 200,
		"/demo.js":  200,
		issuerPath + "/.well-known/openid-configuration": 200,
		issuerPath + "/jwks.json":                        200,
		"/billing/portal":                                405,
		"/nowhere":                                       404,
		"/p/session/unknown":                             404,
		dynamoDBPath:                                     400,
		secretsManagerPath + "/":                         400,
		stripePath + "/v1/products":                      401,
	} {
		if response, body := get(t, l.origin+path); response.StatusCode != want {
			t.Errorf("%s: status = %d: %s", path, response.StatusCode, body)
		}
	}
	response, body := get(t, l.origin+"/nowhere")
	if response.Header.Get("Content-Type") != "application/problem+json" || codeOf(t, body) != "not-found" {
		t.Errorf("%v %s", response.Header, body)
	}
}

func TestCORSIsTheGateways(t *testing.T) {
	l, logs := startDevserver(t)
	preflight, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, l.origin+"/billing/portal", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Origin": l.origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization",
	} {
		preflight.Header.Set(name, value)
	}
	response, _ := send(t, preflight)
	if response.StatusCode != 204 || response.Header.Get("Access-Control-Allow-Origin") != l.origin {
		t.Errorf("preflight: %d %v", response.StatusCode, response.Header)
	}
	if strings.Contains(logs.String(), `"msg":"request"`) {
		t.Error("the preflight reached the function")
	}
	for origin, want := range map[string]string{l.origin: l.origin, "https://evil.example": ""} {
		response, _ := l.post(t, "", nil, map[string]string{"Origin": origin})
		if got := response.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: Access-Control-Allow-Origin = %q", origin, got)
		}
	}
}

func TestCookieCredential(t *testing.T) {
	l, _ := startDevserver(t)
	token, err := l.issuer.Token("alice", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for site, want := range map[string]int{"same-origin": 303, "cross-site": 403} {
		headers := map[string]string{"Cookie": "theme=dark; session=" + token, "Sec-Fetch-Site": site}
		if response, body := l.post(t, "", nil, headers); response.StatusCode != want {
			t.Errorf("%s: status = %d: %s", site, response.StatusCode, body)
		}
	}
}
