package fakestripe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/webhook"

	"billingportal/local/internal/fakestripe/account"
	"billingportal/local/internal/fakestripe/events"
)

const signingSecret = "whsec_" + "standin"

// inbox is a webhook endpoint that stores the events that it receives.
type inbox struct {
	url      string
	requests chan delivered
}

type delivered struct {
	header http.Header
	body   []byte
}

func newInbox(t *testing.T) inbox {
	t.Helper()
	in := inbox{requests: make(chan delivered, 10)}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in.requests <- delivered{r.Header, body}
	}))
	t.Cleanup(server.Close)
	in.url = server.URL
	return in
}

// next returns the next events, by type. It checks them with Stripe's library.
func (in inbox) next(t *testing.T, count int) map[string]map[string]any {
	t.Helper()
	events := map[string]map[string]any{}
	for range count {
		var got delivered
		select {
		case got = <-in.requests:
		case <-time.After(20 * time.Second):
			t.Fatalf("received only %v", slices.Collect(maps.Keys(events)))
		}
		event, err := webhook.ConstructEvent(got.body, got.header.Get("Stripe-Signature"), signingSecret)
		if err != nil {
			t.Fatal(err)
		}
		if got.header.Get("Content-Type") != "application/json; charset=utf-8" ||
			got.header.Get("User-Agent") != "Stripe/1.0 (+https://stripe.com/docs/webhooks)" {
			t.Errorf("the event has the headers %v", got.header)
		}
		if age := time.Since(time.Unix(event.Created, 0)); !strings.HasPrefix(event.ID, "evt_") ||
			event.Object != "event" || event.Livemode || event.APIVersion != stripe.APIVersion ||
			age < -time.Second || age > time.Minute {
			t.Errorf("unexpected event %+v", event)
		}
		events[string(event.Type)] = event.Data.Object
	}
	return events
}

// Events of a purchase and a deletion have Stripe's format:
// https://docs.stripe.com/api/events/types
func TestEventsOfAPurchaseAndADeletion(t *testing.T) {
	s, in := start(t, Config{}), newInbox(t)
	s.SendEvents(t.Context(), events.Endpoint{URL: in.url, Secret: signingSecret})
	page := strings.TrimPrefix(s.OpenCheckout(account.Checkout{ClientReferenceID: "bob", Price: "price_ProMonthly",
		SuccessURL: "https://app.example.com/thanks"}), "http://127.0.0.1:8080")
	if !strings.HasPrefix(page, "/p/checkout/") {
		t.Fatalf("the path of the page is %s", page)
	}
	shown, text := look(s, page)
	if shown.Code != 200 || !strings.Contains(text, "Pro, $29.00 a month") {
		t.Errorf("status %d: %s", shown.Code, text)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; " +
			"frame-ancestors 'none'",
	} {
		if got := shown.Header().Get(name); got != want {
			t.Errorf("the header %s of the page is %q", name, got)
		}
	}

	if to := press(s, page, ""); to != "https://app.example.com/thanks" {
		t.Errorf("the buyer is sent to %q", to)
	}
	events := in.next(t, 2)
	session, created := events["checkout.session.completed"], events["customer.created"]
	customer, _ := created["id"].(string)
	if !strings.HasPrefix(customer, "cus_") || created["object"] != "customer" ||
		fmt.Sprint(created["metadata"]) != "map[]" {
		t.Errorf("customer.created has the object %v", created)
	}
	for name, want := range map[string]any{
		"object": "checkout.session", "client_reference_id": "bob", "customer": customer,
		"payment_link": nil, "mode": "subscription",
		"status": "complete", "payment_status": "paid", "livemode": false, "url": nil,
		"success_url": "https://app.example.com/thanks",
	} {
		if got, isSet := session[name]; !isSet || got != want {
			t.Errorf("checkout.session.completed: %s is %v", name, got)
		}
	}
	if id, _ := session["id"].(string); !strings.HasPrefix(id, "cs_test_") ||
		fmt.Sprint(session["metadata"]) != "map[]" {
		t.Errorf("checkout.session.completed has the object %v", session)
	}
	subscription := fmt.Sprint(session["subscription"])
	if got := decodeList(t, s.send(t, "GET", "/v1/subscriptions?customer="+customer, "").body); got != subscription {
		t.Errorf("the customer has the subscription %q, the session %q", got, subscription)
	}

	// A session can be paid only once.
	if again, _ := look(s, page); again.Code != 404 || press(s, page, "") != "" {
		t.Errorf("a paid page responds with %d, or its button still works", again.Code)
	}

	if n := s.DeleteCustomersOf("bob") + s.DeleteCustomersOf("bob") + s.DeleteCustomersOf("nobody"); n != 1 {
		t.Errorf("%d customers of bob were deleted", n)
	}
	if deleted := in.next(t, 1)["customer.deleted"]; deleted["id"] != customer {
		t.Errorf("customer.deleted has the object %v", deleted)
	}
	if got := s.send(t, "GET", "/v1/customers/"+customer, ""); !strings.Contains(got.body, `"deleted": true`) {
		t.Error(got.body)
	}
	if len(in.requests) > 0 {
		t.Errorf("received %d unexpected events", len(in.requests))
	}
	// Customers that a server created with metadata are also deleted, and the event carries their
	// last metadata.
	if n := s.DeleteCustomersOf("alice"); n != 1 {
		t.Errorf("%d customers of alice were deleted", n)
	}
	if deleted := in.next(t, 1)["customer.deleted"]; fmt.Sprint(deleted["metadata"]) != "map[user_id:alice]" {
		t.Errorf("customer.deleted has the object %v", deleted)
	}
}

// The signature uses Stripe's scheme: https://docs.stripe.com/webhooks#verify-manually
func TestEventSignature(t *testing.T) {
	event := []byte(`{"id":"evt_1"}`)
	mac := hmac.New(sha256.New, []byte(signingSecret))
	_, _ = io.WriteString(mac, `1700000000.{"id":"evt_1"}`)
	if got, want := events.Sign(event, signingSecret, time.Unix(1_700_000_000, 999_000_000)),
		"t=1700000000,v1="+hex.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// These are the members that every consumer reads: https://docs.stripe.com/api/events/object
func TestEventFormat(t *testing.T) {
	event, err := events.New("customer.created", time.Unix(1_700_000_000, 0), map[string]any{"id": "cus_1"})
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := json.Unmarshal(event, &read); err != nil {
		t.Fatal(err)
	}
	delete(read, "id") // random
	got, _ := json.Marshal(read)
	const want = `{"api_version":"2024-06-20","created":1700000000,"data":{"object":{"id":"cus_1"}},"livemode":false,` +
		`"object":"event",` +
		`"pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"customer.created"}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Only a 2xx response acknowledges an event; a redirect does not. https://docs.stripe.com/webhooks
func TestOnlyStatus2xxAcknowledgesAnEvent(t *testing.T) {
	for status, want := range map[int]bool{200: true, 204: true, 299: true, 301: false, 307: false, 400: false,
		404: false, 410: false, 500: false, 503: false} {
		requests := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}))
		if got := (events.Endpoint{URL: server.URL, Secret: signingSecret}).Attempt(t.Context(), []byte("{}"),
			time.Now()); got != want || requests != 1 {
			t.Errorf("status %d: acknowledged %v after %d requests", status, got, requests)
		}
		server.Close()
	}
	if (events.Endpoint{URL: "http://127.0.0.1:1"}).Attempt(context.Background(), nil, time.Now()) {
		t.Error("an endpoint that is down acknowledged the event")
	}
}
