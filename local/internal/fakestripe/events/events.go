// Package events creates, signs and delivers webhook events like Stripe.
//
// https://docs.stripe.com/webhooks
package events

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v79/webhook"
)

// Endpoint is a webhook endpoint that receives events.
type Endpoint struct {
	URL    string
	Secret string // signs the events
}

// New returns an event as Stripe sends it.
//
// https://docs.stripe.com/api/events/object
func New(kind string, created time.Time, object any) ([]byte, error) {
	return json.Marshal(map[string]any{
		"id": "evt_" + rand.Text(), "object": "event", "api_version": "2024-06-20",
		"created": created.Unix(), "livemode": false,
		"type": kind, "pending_webhooks": 1, "data": map[string]any{"object": object},
		"request": map[string]any{"id": nil, "idempotency_key": nil},
	})
}

// Sign returns the Stripe-Signature header of an event.
func Sign(event []byte, secret string, at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: event,
		Secret: secret, Timestamp: at}).Header
}

const (
	deliveryTime  = time.Minute
	deliveryPause = time.Second
)

// Deliver sends an event until the endpoint acknowledges it, for up to a minute.
func (e Endpoint) Deliver(ctx context.Context, event []byte, now func() time.Time) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTime)
	defer cancel()
	for !e.Attempt(ctx, event, now()) {
		select {
		case <-time.After(deliveryPause):
		case <-ctx.Done():
			return
		}
	}
}

// Attempt sends an event once and reports whether the endpoint acknowledged it.
func (e Endpoint) Attempt(ctx context.Context, event []byte, now time.Time) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(event))
	if err != nil {
		return false
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	request.Header.Set("Stripe-Signature", Sign(event, e.Secret, now))
	// Stripe does not follow redirects: https://docs.stripe.com/webhooks
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode >= 200 && response.StatusCode < 300
}
