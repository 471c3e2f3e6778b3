package portal

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"billingportal/functions/internal/answer"
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

func TestTheButtonIsServed(t *testing.T) {
	f := newFixture(t, nil)
	zipped := f.get(t, http.MethodGet, ButtonPath, "Accept-Encoding", "br, gzip;q=0.8")
	plain := f.get(t, http.MethodGet, ButtonPath)
	for name, w := range map[string]*httptest.ResponseRecorder{"gzip": zipped, "plain": plain} {
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Type") != "text/javascript; charset=utf-8" || h.Get("Cache-Control") != "public, max-age=3600" ||
			!strings.HasPrefix(h.Get("Vary"), "Accept-Language") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("ETag") == "" {
			t.Errorf("%s: %d, %v", name, w.Code, h)
		}
	}
	if zipped.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" || zipped.Header().Get("ETag") == plain.Header().Get("ETag") {
		t.Errorf("encodings: %v, %v", zipped.Header(), plain.Header())
	}
	r, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	module, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(module, plain.Body.Bytes()) || !bytes.Contains(module, []byte(`"manage-billing-button"`)) || !bytes.Contains(module, []byte("openBillingPortal")) {
		t.Errorf("%v: %s", err, module)
	}
	first, _, _ := strings.Cut(f.logs.String(), "\n")
	requestlogtest.RequireMetrics(t, first)
	if !strings.Contains(first, `"route":"`+ButtonPath+`","status":200,"code":"ok"`) {
		t.Errorf("%s", first)
	}

	etag := zipped.Header().Get("ETag")
	for name, test := range map[string]struct {
		method  string
		headers []string
		status  int
		length  bool
	}{
		"the same":                             {http.MethodGet, []string{"Accept-Encoding", "gzip", "If-None-Match", etag}, 304, false},
		"the same, weakly":                     {http.MethodGet, []string{"Accept-Encoding", "gzip", "If-None-Match", `"x", W/` + etag}, 304, false},
		"any":                                  {http.MethodGet, []string{"If-None-Match", "*"}, 304, false},
		"another encoding":                     {http.MethodGet, []string{"If-None-Match", etag}, 200, true},
		"another language":                     {http.MethodGet, []string{"Accept-Encoding", "gzip", "Accept-Language", "de", "If-None-Match", etag}, 200, true},
		"gzip is refused, and all else wanted": {http.MethodGet, []string{"Accept-Encoding", "*, gzip;q=0", "If-None-Match", etag}, 200, true},
		"anything is wanted":                   {http.MethodGet, []string{"Accept-Encoding", "br;q=0, *", "If-None-Match", etag}, 304, false},
		"all is refused":                       {http.MethodGet, []string{"Accept-Encoding", "*;q=0", "If-None-Match", etag}, 200, true},
		"gzip is refused":                      {http.MethodGet, []string{"Accept-Encoding", "gzip;q=0", "If-None-Match", etag}, 200, true},
		"its head":                             {http.MethodHead, []string{"Accept-Encoding", "gzip"}, 200, false},
		"its head, the same":                   {http.MethodHead, []string{"Accept-Encoding", "gzip", "If-None-Match", etag}, 304, false},
		"a POST":                               {http.MethodPost, nil, 405, true},
	} {
		w := f.get(t, test.method, ButtonPath, test.headers...)
		if w.Code != test.status || (w.Body.Len() > 0) != test.length {
			t.Errorf("%s: %d with %d bytes", name, w.Code, w.Body.Len())
		}
		if test.status == 405 && (w.Header().Get("Allow") != "GET, HEAD" || w.Header().Get("Cache-Control") != "no-store") {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
}

// What is committed is what the source makes, and small.
func TestTheButtonIsCurrentAndSmall(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"portal/button", "answer/texts"} {
		if err := os.CopyFS(folder+"/"+name, os.DirFS("../"+name)); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "run", "billingportal/local/buttonbuild", folder+"/portal")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	requireSame(t, "texts.gz", readFile(t, "../answer/texts.gz"), readFile(t, folder+"/answer/texts.gz"))
	for _, language := range answer.Languages {
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
	if page := f.get(t, http.MethodGet, Path, html...).Body.String(); !strings.Contains(page, `<button class="button">Manage billing</button>`) {
		t.Errorf("without parameters: %s", page)
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
