package portal

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"billingportal/functions/internal/params"
	"billingportal/functions/internal/problem"
	"billingportal/functions/internal/requestlog/requestlogtest"
)

// maxZippedModule is the size that infra/openapi.yaml promises, in bytes.
const maxZippedModule = 3072

// get asks the handler for a page, and fails if that asks an upstream.
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

// buttonTexts are the module's own texts, by their names in it.
var buttonTexts = map[string]string{
	"manage": "Manage billing", "opening": "Opening billing…", "signIn": "Please sign in again.", "forbidden": "You may not manage billing here.",
	"noAccount": "No billing account", "failed": "Billing cannot be opened. Please try again.", "choose": "Which subscription?",
	params.FlowPaymentMethodUpdate: "Update payment method", params.FlowSubscriptionCancel: "Cancel subscription", params.FlowSubscriptionUpdate: "Change plan",
	params.FlowSubscriptionUpdateConfirm: "Confirm the change", "trialing": "trialing", "past_due": "past due",
}

// moduleHeaders are those of a button's module, or of the answer that it is still the same.
func moduleHeaders(etag string, further ...string) http.Header {
	return headersOf(append(further, "Cache-Control", "public, max-age=3600", "Vary", "Accept-Language, Accept-Encoding, Origin", "ETag", etag)...)
}

func TestTheButtonIsServed(t *testing.T) {
	f := newFixture(t, nil)
	tags := map[string]bool{}
	for _, language := range problem.Languages {
		w := f.get(t, http.MethodGet, ButtonPath, "Accept-Language", string(language))
		zipped := f.get(t, http.MethodGet, ButtonPath, "Accept-Language", string(language), "Accept-Encoding", "br, gzip;q=0.8")
		for encoding, w := range map[string]*httptest.ResponseRecorder{"": w, "gzip": zipped} {
			tag := w.Header().Get("ETag")
			if tags[tag] || !regexp.MustCompile(`^"[\w-]{16,}"$`).MatchString(tag) {
				t.Errorf("%s %s: ETag %s of another module, or none", language, encoding, tag)
			}
			tags[tag] = true
			want := moduleHeaders(tag, "Content-Type", "text/javascript; charset=utf-8", "Content-Length", strconv.Itoa(w.Body.Len()))
			if encoding != "" {
				want.Set("Content-Encoding", encoding)
			}
			requireHeaders(t, string(language)+" "+encoding, w, http.StatusOK, want)
		}
		module, err := unzipped(zipped.Body.Bytes())
		if err != nil || !bytes.Equal(module, w.Body.Bytes()) {
			t.Errorf("%s: %v: %s", language, err, module)
		}
		for name, english := range buttonTexts {
			if want := name + `:"` + language.Text(english) + `"`; !bytes.Contains(module, []byte(want)) {
				t.Errorf("%s: the module lacks %s", language, want)
			}
		}
	}
	first, _, _ := strings.Cut(f.logs.String(), "\n")
	requestlogtest.RequireMetrics(t, first)
	if !strings.Contains(first, `"route":"`+ButtonPath+`","status":200,"code":"ok"`) {
		t.Errorf("%s", first)
	}
}

func TestTheButtonIsServedOnce(t *testing.T) {
	f := newFixture(t, nil)
	zipped := f.get(t, http.MethodGet, ButtonPath, "Accept-Encoding", "gzip").Header()
	etag := zipped.Get("ETag")
	for name, test := range map[string]struct {
		method  string
		headers []string
		status  int
		length  bool
	}{
		"the same":                             {http.MethodGet, []string{"Accept-Encoding", "gzip", "If-None-Match", etag}, 304, false},
		"the same, weakly":                     {http.MethodGet, []string{"Accept-Encoding", "gzip", "If-None-Match", `"x", W/` + etag}, 304, false},
		"the same, in a second header":         {http.MethodGet, []string{"Accept-Encoding", "br", "Accept-Encoding", "gzip", "If-None-Match", `"x"`, "If-None-Match", etag}, 304, false},
		"any":                                  {http.MethodGet, []string{"Accept-Encoding", "gzip", "If-None-Match", "*"}, 304, false},
		"another encoding":                     {http.MethodGet, []string{"If-None-Match", etag}, 200, true},
		"another language":                     {http.MethodGet, []string{"Accept-Encoding", "gzip", "Accept-Language", "de", "If-None-Match", etag}, 200, true},
		"gzip is refused, and all else wanted": {http.MethodGet, []string{"Accept-Encoding", "*, gzip;q=0", "If-None-Match", etag}, 200, true},
		"anything is wanted":                   {http.MethodGet, []string{"Accept-Encoding", "br;q=0, *", "If-None-Match", etag}, 304, false},
		"all is refused":                       {http.MethodGet, []string{"Accept-Encoding", "*;q=0", "If-None-Match", etag}, 200, true},
		"gzip is refused":                      {http.MethodGet, []string{"Accept-Encoding", "gzip;q=0", "If-None-Match", etag}, 200, true},
		"its head":                             {http.MethodHead, []string{"Accept-Encoding", "gzip"}, 200, false},
		"its head, the same":                   {http.MethodHead, []string{"Accept-Encoding", "gzip", "If-None-Match", etag}, 304, false},
	} {
		f.logs.Reset()
		w := f.get(t, test.method, ButtonPath, test.headers...)
		if w.Code != test.status || (w.Body.Len() > 0) != test.length || !strings.Contains(f.logs.String(), fmt.Sprintf(`"status":%d,"code":"ok"`, test.status)) {
			t.Errorf("%s: %d with %d bytes, logged %s", name, w.Code, w.Body.Len(), &f.logs)
		}
		if test.status == 304 {
			requireHeaders(t, name, w, 304, moduleHeaders(etag))
		}
		if name == "its head" {
			requireHeaders(t, name, w, 200, zipped)
		}
	}
}

// What is committed is what the source makes, and small.
func TestTheButtonIsCurrentAndSmall(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"portal/button", "problem/texts"} {
		if err := os.CopyFS(folder+"/"+name, os.DirFS("../"+name)); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "run", "billingportal/local/buttonbuild", folder+"/portal")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	requireSame(t, "texts.gz", readFile(t, "../problem/texts.gz"), readFile(t, folder+"/problem/texts.gz"))
	for _, language := range problem.Languages {
		name := "button/" + string(language) + ".js.gz"
		committed := []byte(moduleIn(language))
		if len(committed) > maxZippedModule {
			t.Errorf("%s has %d bytes", name, len(committed))
		}
		requireSame(t, name, committed, readFile(t, folder+"/portal/"+name))
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// requireSame compares what is in two files: another version of Go may zip it otherwise.
func requireSame(t *testing.T, name string, committed, fresh []byte) {
	t.Helper()
	a, err := unzipped(committed)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := unzipped(fresh); err != nil || !bytes.Equal(a, b) {
		t.Errorf("%s is not what the source makes; run go generate ./functions/internal/portal: %v", name, err)
	}
}

// questions are queries with what each flow requires.
var questions = map[string]string{
	params.FlowPaymentMethodUpdate:       "flow_data[type]=payment_method_update",
	params.FlowSubscriptionCancel:        "flow_data[type]=subscription_cancel",
	params.FlowSubscriptionUpdate:        "flow_data[type]=subscription_update",
	params.FlowSubscriptionUpdateConfirm: "flow_data[type]=subscription_update_confirm&flow_data[subscription_update_confirm][items][0][price]=price_1",
}

func TestALinkLeadsToAPageWithOneButton(t *testing.T) {
	html := []string{"Accept", "text/html"}
	cookie := func(c *Config) { c.SessionCookie = "session" }
	f := newFixture(t, cookie)
	w := f.get(t, http.MethodGet, Path+"?flow_data[type]=payment_method_update&locale=fr&return_url=https%3A%2F%2Fapp.example.com%2Fa%3Fb%3D%2522", html...)
	page := w.Body.String()
	for _, want := range []string{
		`<html lang="fr">`, "<h1>Mettre à jour le moyen de paiement</h1>", `<form method="post">`, `<input type="hidden" name="flow_data[type]" value="payment_method_update">`,
		`<input type="hidden" name="return_url" value="https://app.example.com/a?b=%22">`, `<button class="button">Mettre à jour le moyen de paiement</button>`, `href="` + appURL + `"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" || strings.Contains(page, "<script") || strings.Contains(page, "autofocus") {
		t.Errorf("%d, %v", w.Code, w.Header())
	}
	for _, flow := range append(params.Flows(), "") {
		want := "<h1>" + cmp.Or(buttonTexts[flow], buttonTexts["manage"]) + "</h1>"
		if page := f.get(t, http.MethodGet, Path+"?"+questions[flow], html...).Body.String(); !strings.Contains(page, want) {
			t.Errorf("the page for %q lacks %s:\n%s", flow, want, page)
		}
	}
	for name, test := range map[string]struct {
		query, code string
		status      int
	}{
		"an unknown parameter":      {"colour=blue", "unknown-parameter", 400},
		"one given twice":           {"locale=de&locale=fr", "invalid-parameter", 400},
		"one that is not allowed":   {"configuration=bpc_2", "parameter-not-allowed", 403},
		"another's customer":        {"customer=cus_1", "parameter-not-allowed", 403},
		"a return URL elsewhere":    {"return_url=https://evil.example/", "invalid-return-url", 400},
		"a token in the address":    {"access_token=x", "unknown-parameter", 400},
		"a query that is malformed": {"a=%zz", "invalid-request", 400},
	} {
		w := f.get(t, http.MethodGet, Path+"?"+test.query, html...)
		if w.Code != test.status || !strings.Contains(w.Body.String(), "<code>"+test.code+"</code>") {
			t.Errorf("%s: %d: %s", name, w.Code, w.Body)
		}
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"a program":            f.get(t, http.MethodGet, Path),
		"a script":             f.get(t, http.MethodGet, Path, "Accept", "text/html", "Sec-Fetch-Dest", "empty"),
		"a HEAD":               f.get(t, http.MethodHead, Path, html...),
		"without a cookie set": newFixture(t, nil).get(t, http.MethodGet, Path, html...),
	} {
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
			t.Errorf("%s: %d, %v", name, w.Code, w.Header())
		}
	}
}

func BenchmarkButton(b *testing.B) {
	r := httptest.NewRequest(http.MethodGet, ButtonPath, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	for b.Loop() {
		if status, err := serveButton(httptest.NewRecorder(), r); status != http.StatusOK || err != nil {
			b.Fatal(status, err)
		}
	}
}
