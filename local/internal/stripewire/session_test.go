package stripewire

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/client"
)

const testKey = "sk_test_" + "localdemo1"

func start(t *testing.T, cfg Config) (*Stripe, *client.API) {
	t.Helper()
	cfg.PublicURL = "http://127.0.0.1:8080"
	cfg.Record = true
	if cfg.Keys == nil {
		cfg.Keys = []string{testKey}
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               stripe.String(server.URL),
		HTTPClient:        server.Client(),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
	})
	return s, client.New(cfg.Keys[0], &stripe.Backends{API: backend})
}

func TestX(t *testing.T) {
	t0 := time.Now()
	_, c := start(t, Config{})
	ses, err := c.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{Customer: stripe.String("cus_DemoAlice"), ReturnURL: stripe.String("https://x/y"), FlowData: &stripe.BillingPortalSessionFlowDataParams{Type: stripe.String("subscription_cancel"), SubscriptionCancel: &stripe.BillingPortalSessionFlowDataSubscriptionCancelParams{Subscription: stripe.String("sub_DemoAlice")}}})
	t.Log(time.Since(t0), ses.ID, err, string(ses.LastResponse.RawJSON), ses.LastResponse.Header)
	it := c.Subscriptions.List(&stripe.SubscriptionListParams{Customer: stripe.String("cus_DemoDave")})
	for it.Next() {
		t.Log(it.Subscription().ID)
	}
	t.Log(it.Err())
}
