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

	"billingportal/functions/app"
	"billingportal/local/internal/portalconfig"
	"billingportal/local/internal/stripewire"
)

const key = "sk_test_" + "localdemo"

// Stripe asks to slow down before it does anything, so the same request is sent again.
func TestApplyWaitsIfStripeIsBusy(t *testing.T) {
	for name, test := range map[string]struct {
		busy       int
		retryAfter string
		waits      []time.Duration
		failed     bool
	}{
		"twice":          {2, "7", []time.Duration{7 * time.Second, 7 * time.Second}, false},
		"without a time": {1, "", []time.Duration{time.Second}, false},
		"all the time":   {100, "1", slices.Repeat([]time.Duration{time.Second}, 5), true},
		"for an hour":    {1, "3600", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			stripe, err := stripewire.New(stripewire.Config{PublicURL: "http://127.0.0.1", Keys: []string{key}, Record: true})
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
						w.WriteHeader(http.StatusTooManyRequests)
						_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","code":"rate_limit"}}`)
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
			account, err := app.NewStripeAccount(func(name string) string { return map[string]string{"STRIPE_API_BASE": server.URL}[name] }, key, version)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "portal.json")
			if err := os.WriteFile(path, []byte(`{"a": {"features": {"invoice_history": {"enabled": true}}}}`), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := portalconfig.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			var waits []time.Duration
			plan, err := portalconfig.NewPlan(t.Context(), file, portalconfig.Patient(account, func(_ context.Context, d time.Duration) error {
				waits = append(waits, d)
				return nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			applied, err := plan.Apply(t.Context(), io.Discard)
			if test.failed != (err != nil) || err != nil && !strings.Contains(err.Error(), `create "a": stripe: rate limit`) {
				t.Errorf("%v, %v", applied, err)
			}
			if !slices.Equal(waits, test.waits) || len(keys) != 1 {
				t.Errorf("waited %v with %v", waits, keys)
			}
		})
	}
}
