package button

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"billingportal/functions/internal/language"
)

// maxZippedModule is the size that infra/openapi.yaml promises, in bytes.
const maxZippedModule = 4096

// texts are the module's own, by their names in it.
var texts = map[string]language.Key{
	"manage": language.ManageBilling, "opening": language.OpeningBilling, "signIn": language.PleaseSignInAgain,
	"forbidden": language.MayNotManageBilling, "noAccount": language.NoBillingAccount,
	"failed": language.BillingCannotBeOpened, "choose": language.SubscriptionAmbiguous,
	`"subscription-not-eligible"`: language.NothingToChange, `"flow-unavailable"`: language.NotOffered,
	"payment_method_update": language.UpdatePaymentMethod, "subscription_cancel": language.CancelSubscription,
	"subscription_update": language.ChangePlan, "subscription_update_confirm": language.ConfirmChange,
	"trialing": language.Trialing, "past_due": language.PastDue,
}

// ask is a request for the module with headers: a name, its value, and so on.
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

// requireHeaders compares all headers with those of a module, and further ones.
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
				t.Errorf("%s %s: ETag %s of another module, or none", tag, encoding, etag)
			}
			tags[etag] = true
			further := []string{"Content-Type", javaScript, "Content-Length", strconv.Itoa(w.Body.Len())}
			if encoding != "" {
				further = append(further, "Content-Encoding", encoding)
			}
			requireHeaders(t, string(tag)+" "+encoding, w, etag, further...)
		}
		if zipped.Body.Len() > maxZippedModule {
			t.Errorf("%s has %d bytes", tag, zipped.Body.Len())
		}
		module, err := unzipped(zipped.Body.Bytes())
		if err != nil || !bytes.Equal(module, plain.Body.Bytes()) {
			t.Errorf("%s: %v: %s", tag, err, module)
		}
		for name, key := range texts {
			if want := name + `:"` + tag.Text(key) + `"`; !bytes.Contains(module, []byte(want)) {
				t.Errorf("%s: the module lacks %s", tag, want)
			}
		}
	}
}

func TestTheModuleIsServedOnce(t *testing.T) {
	zipped := ask(t, http.MethodGet, "Accept-Encoding", "gzip").Header()
	etag := zipped.Get("ETag")
	for name, test := range map[string]struct {
		method  string
		headers []string
		status  int
		length  bool
	}{
		"the same": {http.MethodGet,
			[]string{"Accept-Encoding", "gzip", "If-None-Match", etag}, 304, false},
		"the same, weakly": {http.MethodGet,
			[]string{"Accept-Encoding", "gzip", "If-None-Match", `"x", W/` + etag}, 304, false},
		"the same, in a second header": {http.MethodGet,
			[]string{"Accept-Encoding", "br", "Accept-Encoding", "gzip", "If-None-Match", `"x"`, "If-None-Match", etag},
			304, false},
		"any": {http.MethodGet,
			[]string{"Accept-Encoding", "gzip", "If-None-Match", "*"}, 304, false},
		"another encoding": {http.MethodGet, []string{"If-None-Match", etag}, 200, true},
		"another language": {http.MethodGet,
			[]string{"Accept-Encoding", "gzip", "Accept-Language", "de", "If-None-Match", etag}, 200, true},
		"gzip is refused, and all else wanted": {http.MethodGet,
			[]string{"Accept-Encoding", "*, gzip;q=0", "If-None-Match", etag}, 200, true},
		"anything is wanted": {http.MethodGet,
			[]string{"Accept-Encoding", "br;q=0, *", "If-None-Match", etag}, 304, false},
		"all is refused": {http.MethodGet, []string{"Accept-Encoding", "*;q=0", "If-None-Match", etag}, 200, true},
		"gzip is refused": {http.MethodGet,
			[]string{"Accept-Encoding", "gzip;q=0", "If-None-Match", etag}, 200, true},
		"its head":           {http.MethodHead, []string{"Accept-Encoding", "gzip"}, 200, false},
		"its head, the same": {http.MethodHead, []string{"Accept-Encoding", "gzip", "If-None-Match", etag}, 304, false},
	} {
		w := ask(t, test.method, test.headers...)
		if w.Code != test.status || (w.Body.Len() > 0) != test.length {
			t.Errorf("%s: %d with %d bytes", name, w.Code, w.Body.Len())
		}
		if test.status == 304 {
			requireHeaders(t, name, w, etag)
		}
		if name == "its head" && !maps.EqualFunc(w.Header(), zipped, slices.Equal) {
			t.Errorf("%s: %v, want %v", name, w.Header(), zipped)
		}
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
