package portalconfig_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/fakestripe"
	"billingportal/local/internal/operator/portalconfig"
)

const key = "sk_test_" + "localdemo"

// Stripe asks to slow down before it changes anything, so the same request can be sent again.
func TestApplyWaitsIfStripeIsBusy(t *testing.T) {
	for name, test := range map[string]struct {
		status     int
		busy       int
		retryAfter string
		waits      []time.Duration
		failure    string // "" for none
	}{
		"twice":          {429, 2, "7", []time.Duration{7 * time.Second, 7 * time.Second}, ""},
		"without a time": {429, 1, "", []time.Duration{time.Second}, ""},
		"all the time": {429, 100, "1", slices.Repeat([]time.Duration{time.Second}, 5),
			`create "a": stripe: rate limit`},
		"for a minute":  {429, 1, "60", []time.Duration{time.Minute}, ""},
		"for longer":    {429, 1, "61", nil, `create "a": stripe: rate limit`},
		"another error": {403, 1, "7", nil, `create "a": stripe: the restricted API key lacks a permission`},
		"a failure":     {500, 100, "7", nil, `create "a": stripe: unavailable`},
	} {
		t.Run(name, func(t *testing.T) {
			stripe, err := fakestripe.New(fakestripe.Config{PublicURL: "http://127.0.0.1",
				Keys: []string{key}, Record: true})
			if err != nil {
				t.Fatal(err)
			}
			left := test.busy
			keys := map[string]int{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					keys[r.Header.Get("Idempotency-Key")]++
					if left--; left >= 0 {
						w.Header().Set("Retry-After", test.retryAfter)
						w.WriteHeader(test.status)
						code := ""
						if test.status == http.StatusTooManyRequests {
							code = `,"code":"rate_limit"`
						}
						_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error"`+code+`}}`)
						return
					}
				}
				stripe.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			version, err := portalconfig.APIVersion()
			if err != nil {
				t.Fatal(err)
			}
			account, err := operator.NewStripeAccount(devserver.GetenvOf(map[string]string{
				"STRIPE_API_BASE": server.URL,
			}), key, version)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "portal.json")
			if err := os.WriteFile(path,
				[]byte(`{"a": {"features": {"invoice_history": {"enabled": true}}}}`), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := portalconfig.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			var waits []time.Duration
			plan, err := portalconfig.NewPlan(t.Context(), file,
				portalconfig.RetryWhenBusy(account, func(_ context.Context, d time.Duration) error {
					waits = append(waits, d)
					return nil
				}))
			if err != nil {
				t.Fatal(err)
			}
			applied, err := plan.Apply(t.Context(), io.Discard)
			if (test.failure != "") != (err != nil) || err != nil && !strings.Contains(err.Error(), test.failure) {
				t.Errorf("%v, %v", applied, err)
			}
			if !slices.Equal(waits, test.waits) || len(keys) != 1 {
				t.Errorf("waited %v with %v", waits, keys)
			}
		})
	}
}
