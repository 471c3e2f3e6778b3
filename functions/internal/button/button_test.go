package button

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"billingportal/functions/internal/language"
	"billingportal/functions/internal/problem"
)

// maxZippedModule is the size that infra/openapi.yaml promises, in bytes.
const maxZippedModule = 4096

// texts maps the name of each text in the module to its key.
var texts = map[string]language.Key{
	"manage": language.ManageBilling, "opening": language.OpeningBilling, "signIn": language.PleaseSignInAgain,
	"forbidden": language.MayNotManageBilling, "noAccount": language.NoBillingAccountYet,
	"failed": language.BillingCannotBeOpened, "choose": language.SubscriptionAmbiguous,
	`"subscription-not-eligible"`: language.NothingToChange, `"flow-unavailable"`: language.NotOffered,
	"payment_method_update": language.UpdatePaymentMethod, "subscription_cancel": language.CancelSubscription,
	"subscription_update": language.ChangePlan, "subscription_update_confirm": language.ConfirmChange,
	"customer_update": language.UpdateBillingDetails,
}

// statuses maps the subscription states that the module shows after a subscription's name.
var statuses = map[string]language.Key{"trialing": language.Trialing, "past_due": language.PastDue}

// ask requests the module. headers alternates names and values.
func ask(t testing.TB, method string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, Path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	if status, err := Serve(w, r); status != w.Code || err != nil {
		t.Fatal(status, w.Code, err)
	}
	return w
}

// requireHeaders fails unless the answer has exactly the headers of a module and the further ones.
func requireHeaders(t *testing.T, name string, w *httptest.ResponseRecorder, etag string, further ...string) {
	t.Helper()
	want := http.Header{
		"Cache-Control": {"public, max-age=3600"}, "Vary": {"Accept-Language, Accept-Encoding, Origin"}, "Etag": {etag},
	}
	for i := 0; i < len(further); i += 2 {
		want.Set(further[i], further[i+1])
	}
	if !maps.EqualFunc(w.Header(), want, slices.Equal) {
		t.Errorf("%s: %v, want %v", name, w.Header(), want)
	}
}

func TestTheModuleOfEachLanguage(t *testing.T) {
	const javaScript = "text/javascript; charset=utf-8"
	tags := map[string]bool{}
	for _, tag := range language.Tags {
		plain := ask(t, http.MethodGet, "Accept-Language", string(tag))
		zipped := ask(t, http.MethodGet, "Accept-Language", string(tag), "Accept-Encoding", "br, gzip;q=0.8")
		for encoding, w := range map[string]*httptest.ResponseRecorder{"": plain, "gzip": zipped} {
			etag := w.Header().Get("ETag")
			if tags[etag] || !regexp.MustCompile(`^"[\w-]{16,}"$`).MatchString(etag) {
				t.Errorf("%s %s: ETag %s is malformed, or another module has it", tag, encoding, etag)
			}
			tags[etag] = true
			further := []string{"Content-Type", javaScript, "Content-Length", strconv.Itoa(w.Body.Len())}
			if encoding != "" {
				further = append(further, "Content-Encoding", encoding)
			}
			requireHeaders(t, string(tag)+" "+encoding, w, etag, further...)
		}
		if zipped.Body.Len() > maxZippedModule {
			t.Errorf("%s has %d bytes, want at most %d", tag, zipped.Body.Len(), maxZippedModule)
		}
		module, err := unzipped(zipped.Body.Bytes())
		if err != nil || !bytes.Equal(module, plain.Body.Bytes()) {
			t.Errorf("%s: %v: %s", tag, err, module)
		}
		for name, key := range statuses {
			if want := name + `:"` + tag.Aside("", tag.Text(key)) + `"`; !bytes.Contains(module, []byte(want)) {
				t.Errorf("%s: the module lacks %s", tag, want)
			}
		}
		for name, key := range texts {
			if want := name + `:"` + tag.Text(key) + `"`; !bytes.Contains(module, []byte(want)) {
				t.Errorf("%s: the module lacks %s", tag, want)
			}
		}
	}
}

func TestTheModuleIsNotSentAgain(t *testing.T) {
	zipped := ask(t, http.MethodGet, "Accept-Encoding", "gzip").Header()
	etag := zipped.Get("ETag")
	for name, test := range map[string]struct {
		method  string
		headers []string
		status  int
		length  bool
	}{
		"unchanged": {http.MethodGet,
			[]string{"Accept-Encoding", "gzip", "If-None-Match", etag}, 304, false},
		"unchanged, weak tag": {http.MethodGet,
			[]string{"Accept-Encoding", "gzip", "If-None-Match", `"x", W/` + etag}, 304, false},
		"unchanged, tag in a second header": {http.MethodGet,
			[]string{"Accept-Encoding", "br", "Accept-Encoding", "gzip", "If-None-Match", `"x"`, "If-None-Match", etag},
			304, false},
		"If-None-Match: *": {http.MethodGet,
			[]string{"Accept-Encoding", "gzip", "If-None-Match", "*"}, 304, false},
		"another encoding": {http.MethodGet, []string{"If-None-Match", etag}, 200, true},
		"another language": {http.MethodGet,
			[]string{"Accept-Encoding", "gzip", "Accept-Language", "de", "If-None-Match", etag}, 200, true},
		"every encoding but gzip": {http.MethodGet,
			[]string{"Accept-Encoding", "*, gzip;q=0", "If-None-Match", etag}, 200, true},
		"every encoding but br": {http.MethodGet,
			[]string{"Accept-Encoding", "br;q=0, *", "If-None-Match", etag}, 304, false},
		"no encoding": {http.MethodGet, []string{"Accept-Encoding", "*;q=0", "If-None-Match", etag}, 200, true},
		"gzip refused": {http.MethodGet,
			[]string{"Accept-Encoding", "gzip;q=0", "If-None-Match", etag}, 200, true},
		"HEAD":            {http.MethodHead, []string{"Accept-Encoding", "gzip"}, 200, false},
		"HEAD, unchanged": {http.MethodHead, []string{"Accept-Encoding", "gzip", "If-None-Match", etag}, 304, false},
	} {
		w := ask(t, test.method, test.headers...)
		if w.Code != test.status || (w.Body.Len() > 0) != test.length {
			t.Errorf("%s: %d with %d bytes", name, w.Code, w.Body.Len())
		}
		if test.status == 304 {
			requireHeaders(t, name, w, etag)
		}
		if name == "HEAD" && !maps.EqualFunc(w.Header(), zipped, slices.Equal) {
			t.Errorf("%s: %v, want %v", name, w.Header(), zipped)
		}
	}
}

func TestTheTypesAreServed(t *testing.T) {
	ask := func(method string, headers ...string) *httptest.ResponseRecorder {
		t.Helper()
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, TypesPath, nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Add(headers[i], headers[i+1])
		}
		if status, err := ServeTypes(w, r); status != w.Code || err != nil {
			t.Fatal(status, w.Code, err)
		}
		return w
	}
	all := ask(http.MethodGet, "Accept-Encoding", "gzip", "Accept-Language", "de")
	etag := all.Header().Get("ETag")
	want := http.Header{
		"Cache-Control": {"public, max-age=3600"}, "Vary": {"Origin"}, "Etag": {etag},
		"Content-Type": {"application/typescript; charset=utf-8"}, "Content-Length": {strconv.Itoa(len(types))},
	}
	for name, test := range map[string]struct {
		answer *httptest.ResponseRecorder
		status int
		body   string
	}{
		"GET":                   {all, 200, string(types)},
		"GET, another encoding": {ask(http.MethodGet), 200, string(types)},
		"HEAD":                  {ask(http.MethodHead), 200, ""},
		"GET, unchanged":        {ask(http.MethodGet, "If-None-Match", etag), 304, ""},
		"HEAD, unchanged":       {ask(http.MethodHead, "If-None-Match", "W/"+etag), 304, ""},
		"GET, another tag":      {ask(http.MethodGet, "If-None-Match", `"another"`), 200, string(types)},
	} {
		want := maps.Clone(want)
		if test.status == 304 {
			delete(want, "Content-Type")
			delete(want, "Content-Length")
		}
		if got := test.answer; got.Code != test.status || got.Body.String() != test.body ||
			!maps.EqualFunc(got.Header(), want, slices.Equal) {
			t.Errorf("%s: %d %v, want %v; %d bytes", name, got.Code, got.Header(), want, got.Body.Len())
		}
	}
	_, err := ServeTypes(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, TypesPath, nil))
	var refusal *problem.Problem
	if !errors.As(err, &refusal) || refusal.Code != problem.MethodNotAllowed || refusal.Allow != "GET, HEAD" {
		t.Errorf("POST: %v", err)
	}
}

func BenchmarkButton(b *testing.B) {
	r := httptest.NewRequest(http.MethodGet, Path, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	for b.Loop() {
		if status, err := Serve(httptest.NewRecorder(), r); status != http.StatusOK || err != nil {
			b.Fatal(status, err)
		}
	}
}
