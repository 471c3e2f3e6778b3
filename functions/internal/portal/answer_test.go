package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/requestlog/requestlogtest"
)

func TestNavigationGetsAPage(t *testing.T) {
	f := newFixture(t, nil)
	w := f.serve(formType, `colour"><script>alert(1)</script>=x`, header("Accept", "text/html,*/*;q=0.8"))
	requireHeaders(t, "a page", w, http.StatusBadRequest, pageHeaders(w.Body.String()))
	page := w.Body.String()
	for _, want := range []string{
		`<html lang="en">`, `<title>Unknown parameter</title>`, `<h1>Unknown parameter</h1>`,
		`href="` + appURL + `"`, "request-1", "unknown-parameter",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "http://") || strings.Contains(page, "src=") {
		t.Errorf("the page is not self-contained: %s", page)
	}
}

func TestScriptNeverGetsAPage(t *testing.T) {
	w := newFixture(t, nil).serve(formType, "colour=x", func(r *http.Request) {
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Sec-Fetch-Dest", "empty")
	})
	if d := problemIn(t, w); d.Code != "unknown-parameter" {
		t.Errorf("%+v", d)
	}
}

func TestEachRequestLogsOneMetricLine(t *testing.T) {
	f := newFixture(t, nil)
	f.serve("", "", nil)
	f.serve("", "", header("Authorization", ""))
	f.create = func(int) (*billing.Session, error) {
		return nil, &billing.Error{Class: billing.NoSuchCustomer, Calls: billing.Calls{Attempts: 1, RequestID: "req_2"}}
	}
	f.serve("", "", nil)
	f.create = func(int) (*billing.Session, error) { return nil, &billing.Error{Class: billing.Unavailable} }
	f.serve("", "", nil)

	lines := strings.Split(strings.TrimSpace(f.logs.String()), "\n")
	want := []struct {
		level, code string
		status      float64
		coldStart   bool
		steps       []string
		customer    any
		request     any
	}{
		{"INFO", "ok", 303, true, []string{"auth_ms", "lookup_ms", "secret_ms", "stripe_ms"}, "cus_alice", "req_1"},
		{"INFO", "missing-credentials", 401, false, []string{"auth_ms"}, nil, nil},
		{"ERROR", "no-billing-account", 404, false,
			[]string{"auth_ms", "lookup_ms", "secret_ms", "stripe_ms"}, "cus_alice", "req_2"},
		{"ERROR", "billing-unavailable", 502, false,
			[]string{"auth_ms", "lookup_ms", "secret_ms", "stripe_ms"}, "cus_alice", nil},
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines:\n%s", len(lines), f.logs.String())
	}
	for i, line := range lines {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		for key, value := range map[string]any{
			"level": want[i].level, "code": want[i].code, "status": want[i].status, "cold_start": want[i].coldStart,
			"route": Path, "request_id": "request-1", "function": "PortalFunction", "requests": 1.0, "release": "v1",
			"customer_id": want[i].customer, "stripe_request_id": want[i].request,
		} {
			if record[key] != value {
				t.Errorf("line %d: %s = %v, want %v", i, key, record[key], value)
			}
		}
		for _, step := range []string{"auth_ms", "lookup_ms", "secret_ms", "stripe_ms"} {
			if _, logged := record[step].(float64); logged != slices.Contains(want[i].steps, step) {
				t.Errorf("line %d: %s = %v", i, step, record[step])
			}
		}
		requestlogtest.RequireMetrics(t, line)
	}
}

func TestNothingSecretIsLoggedOrAnswered(t *testing.T) {
	const marker = "Marker7f3a"
	f := newFixture(t, func(c *Config) { c.SessionCookie = "session" })
	plant := func(r *http.Request) {
		r.URL.RawQuery = "token=" + marker
		r.Header.Set("Authorization", "Bearer "+marker)
		r.Header.Set("User-Agent", marker)
		r.Header.Set("Referer", "https://app.example.com/"+marker)
	}
	answers := []string{
		f.serve("", "", plant).Body.String(),
		f.serve(formType, marker+"=x", plant).Body.String(),
		f.serve(formType, "locale="+marker,
			func(r *http.Request) { r.Header.Set("Cookie", "other="+marker) }).Body.String(),
		f.serve(formType, "access_token="+marker,
			func(r *http.Request) { r.Header.Del("Authorization") }).Body.String(),
		f.serve(formType, "return_url=https://evil.example/"+marker, nil).Body.String(),
		f.serve(jsonType, `{"`+marker+`":1}`, nil).Body.String(),
		f.serve(jsonType, `{"flow_data":{"type":"`+marker+`"}}`, nil).Body.String(),
		f.serve(marker+"/x", "x", nil).Body.String(),
	}
	for i, answer := range answers {
		if strings.Contains(answer, marker) {
			t.Errorf("answer %d: %s", i, answer)
		}
	}
	if w := f.serve("", "", nil); w.Code != http.StatusSeeOther {
		t.Fatal(w.Code)
	}
	logs := f.logs.String()
	if strings.Contains(logs, marker) || strings.Contains(logs, sessionURL) || strings.Contains(logs, testToken) {
		t.Errorf("logs:\n%s", logs)
	}
}

func TestRejectedRequestIsLogged(t *testing.T) {
	f := newFixture(t, nil)
	w := f.serve("", "", nil)
	f.logs.Reset()
	f.Reject(w, &http.Request{Method: http.MethodPost, Header: http.Header{}, URL: mustURL(t, "/")},
		"internal", errors.New("panic"))
	if logs := f.logs.String(); !strings.Contains(logs, `"error":"panic"`) ||
		!strings.Contains(logs, `"level":"ERROR"`) {
		t.Errorf("logs: %s", logs)
	}
}

func mustURL(t *testing.T, rawURL string) *url.URL {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
