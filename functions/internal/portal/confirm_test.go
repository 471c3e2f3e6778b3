package portal

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/button"
	"billingportal/functions/internal/language"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/requestlog/requestlogtest"
)

// get requests a page from the handler. It fails the test if the handler calls an upstream.
func (f *fixture) get(t *testing.T, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if f.lookups+len(f.created)+len(f.reads) > 0 {
		t.Errorf("%s %s asked an upstream", method, target)
	}
	return w
}

// The button has its own headers, and its log line has the status of a conditional request.
func TestTheButtonIsServed(t *testing.T) {
	f := newFixture(t, nil)
	w := f.get(t, http.MethodGet, button.Path)
	same := f.get(t, http.MethodGet, button.Path, "If-None-Match", w.Header().Get("ETag"))
	header := w.Header()
	want := headersOf("Cache-Control", "public, max-age=3600", "Vary", header.Get("Vary"), "ETag", header.Get("ETag"))
	requireHeaders(t, "the same", same, http.StatusNotModified, want)
	first, second, _ := strings.Cut(f.logs.String(), "\n")
	requestlogtest.RequireMetrics(t, first)
	line := `"route":"` + button.Path + `","status":`
	if !strings.Contains(first, line+`200,"code":"ok"`) || !strings.Contains(second, line+`304,"code":"ok"`) {
		t.Errorf("%s", &f.logs)
	}
}

// questions are queries with the parameters that each flow requires.
var questions = map[string]string{
	billing.CustomerUpdate:         "flow_data[type]=customer_update",
	params.FlowPaymentMethodUpdate: "flow_data[type]=payment_method_update",
	params.FlowSubscriptionCancel:  "flow_data[type]=subscription_cancel",
	params.FlowSubscriptionUpdate:  "flow_data[type]=subscription_update",
	params.FlowSubscriptionUpdateConfirm: "flow_data[type]=subscription_update_confirm&" +
		"flow_data[subscription_update_confirm][items][0][price]=price_1",
}

func TestALinkLeadsToAPageWithOneButton(t *testing.T) {
	html := []string{"Accept", "text/html"}
	cookie := func(c *Config) { c.SessionCookie = "session" }
	f := newFixture(t, cookie)
	w := f.get(t, http.MethodGet, Path+"?flow_data[type]=payment_method_update&locale=fr&"+
		"return_url=https%3A%2F%2Fapp.example.com%2Fa%3Fb%3D%2522", html...)
	page := w.Body.String()
	for _, want := range []string{
		`<html lang="fr">`, "<h1>Modifier le moyen de paiement</h1>", `<form method="post">`,
		`<input type="hidden" name="flow_data[type]" value="payment_method_update">`,
		`<input type="hidden" name="return_url" value="https://app.example.com/a?b=%22">`,
		`<button class="button">Modifier le moyen de paiement</button>`, `href="` + appURL + `"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" || strings.Contains(page, "<script") ||
		strings.Contains(page, "autofocus") {
		t.Errorf("%d, %v", w.Code, w.Header())
	}
	for _, flow := range append(params.Flows(), "") {
		want := "<h1>" + language.English.Text(labels[flow]) + "</h1>"
		if page := f.get(t, http.MethodGet, Path+"?"+questions[flow],
			html...).Body.String(); !strings.Contains(page, want) {
			t.Errorf("the page for %q lacks %s:\n%s", flow, want, page)
		}
	}
	for name, test := range map[string]struct {
		query, code string
		status      int
	}{
		"an unknown parameter":        {"colour=blue", "unknown-parameter", 400},
		"a parameter given twice":     {"locale=de&locale=fr", "invalid-parameter", 400},
		"a value that is not allowed": {"configuration=bpc_2", "parameter-not-allowed", 403},
		"another customer":            {"customer=cus_1", "parameter-not-allowed", 403},
		"a return URL elsewhere":      {"return_url=https://evil.example/", "invalid-return-url", 400},
		"a token in the address":      {"access_token=x", "unknown-parameter", 400},
		"a malformed query":           {"a=%zz", "invalid-request", 400},
	} {
		w := f.get(t, http.MethodGet, Path+"?"+test.query, html...)
		if w.Code != test.status || !strings.Contains(w.Body.String(), "<code>"+test.code+"</code>") {
			t.Errorf("%s: %d: %s", name, w.Code, w.Body)
		}
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"a program":              f.get(t, http.MethodGet, Path),
		"a script":               f.get(t, http.MethodGet, Path, "Accept", "text/html", "Sec-Fetch-Dest", "empty"),
		"a HEAD":                 f.get(t, http.MethodHead, Path, html...),
		"without SESSION_COOKIE": newFixture(t, nil).get(t, http.MethodGet, Path, html...),
	} {
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
			t.Errorf("%s: %d, %v", name, w.Code, w.Header())
		}
	}
}
