package configure

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"billingportal/local/internal/devserver/devservertest"
)

// Configure fetches keys with the limits of the portal: over https or from this machine, without
// redirects, and at most as many bytes.
func TestConfigureFetchesAsThePortalDoes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/keys":
			_, _ = io.WriteString(w, `{"keys":[]}`)
		case "/redirect":
			http.Redirect(w, r, "/keys", http.StatusFound)
		case "/large":
			_, _ = io.WriteString(w, strings.Repeat(" ", 200_000))
		default:
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, `{"keys":[]}`)
		}
	}))
	t.Cleanup(server.Close)
	var asked atomic.Int32
	transport := http.DefaultTransport
	http.DefaultTransport = devservertest.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		asked.Add(1)
		return transport.RoundTrip(r)
	})
	t.Cleanup(func() { http.DefaultTransport = transport })
	for address, want := range map[string]struct {
		size     int // of the part that is read; -1 if nothing is
		requests int32
	}{
		server.URL + "/keys":                 {len(`{"keys":[]}`), 1},
		server.URL + "/redirect":             {-1, 1},
		server.URL + "/large":                {150_000, 1},
		server.URL + "/status":               {-1, 1},
		"http://issuer.example/keys":         {-1, 0},
		"http://192.0.2.1/keys":              {-1, 0},
		"ftp://127.0.0.1/keys":               {-1, 0},
		"https://user:password@127.0.0.1:1/": {-1, 0},
		"https:///keys":                      {-1, 0},
		"keys":                               {-1, 0},
		"https://127.0.0.1:1/keys":           {-1, 1}, // where nothing listens
	} {
		asked.Store(0)
		text, err := fetch(t.Context(), address)
		if (err != nil) != (want.size < 0) || err == nil && len(text) != want.size || asked.Load() != want.requests {
			t.Errorf("%s: %d bytes, %v, %d requests; want %d and %d", address, len(text), err, asked.Load(),
				want.size, want.requests)
		}
	}
}
