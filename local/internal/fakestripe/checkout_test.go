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

// inbox is a webhook endpoint that keeps what is delivered.
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

// next returns the events that come next, by type, checked as Stripe's own library checks them.
func (in inbox) next(t *testing.T, count int) map[string]map[string]any {
	t.Helper()
	events := map[string]map[string]any{}
	for range count {
		var got delivered
		select {
		case got = <-in.requests:
		case <-time.After(20 * time.Second):
			t.Fatalf("only %v came", slices.Collect(maps.Keys(events)))
		}
		event, err := webhook.ConstructEvent(got.body, got.header.Get("Stripe-Signature"), signingSecret)
		if err != nil {
			t.Fatal(err)
		}
		if got.header.Get("Content-Type") != "application/json; charset=utf-8" ||
			got.header.Get("User-Agent") != "Stripe/1.0 (+https://stripe.com/docs/webhooks)" {
			t.Errorf("headers %v", got.header)
		}
		if age := time.Since(time.Unix(event.Created, 0)); !strings.HasPrefix(event.ID, "evt_") ||
			event.Object != "event" || event.Livemode || event.APIVersion != stripe.APIVersion ||
			age < -time.Second || age > time.Minute {
			t.Errorf("event %+v", event)
		}
		events[string(event.Type)] = event.Data.Object
	}
	return events
}

// A purchase and a deletion are told as Stripe tells them: https://docs.stripe.com/api/events/types
func TestAPurchaseIsTold(t *testing.T) {
	s, in := start(t, Config{}), newInbox(t)
	s.SendEvents(t.Context(), events.Endpoint{URL: in.url, Secret: signingSecret})
	page := strings.TrimPrefix(s.OpenCheckout(account.Checkout{ClientReferenceID: "bob", Price: "price_ProMonthly",
		SuccessURL: "https://app.example.com/thanks"}), "http://127.0.0.1:8080")
	if !strings.HasPrefix(page, "/p/checkout/") {
		t.Fatalf("the page is %s", page)
	}
	shown, text := look(s, page)
	if shown.Code != 200 || !strings.Contains(text, "Pro, $29.00 a month") {
		t.Errorf("%d %s", shown.Code, text)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; " +
			"frame-ancestors 'none'",
	} {
		if got := shown.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
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
		t.Errorf("customer.created of %v", created)
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
		t.Errorf("checkout.session.completed of %v", session)
	}
	subscription := fmt.Sprint(session["subscription"])
	if got := decodeList(t, s.send(t, "GET", "/v1/subscriptions?customer="+customer, "").body); got != subscription {
		t.Errorf("the customer has %q, and the session %q", got, subscription)
	}

	// It is paid once.
	if again, _ := look(s, page); again.Code != 404 || press(s, page, "") != "" {
		t.Errorf("the page is still there: %d", again.Code)
	}

	if n := s.DeleteCustomersOf("bob") + s.DeleteCustomersOf("bob") + s.DeleteCustomersOf("nobody"); n != 1 {
		t.Errorf("%d customers of bob's were deleted", n)
	}
	if deleted := in.next(t, 1)["customer.deleted"]; deleted["id"] != customer {
		t.Errorf("customer.deleted of %v", deleted)
	}
	if got := s.send(t, "GET", "/v1/customers/"+customer, ""); !strings.Contains(got.body, `"deleted": true`) {
		t.Error(got.body)
	}
	if len(in.requests) > 0 {
		t.Errorf("%d more events", len(in.requests))
	}
	// The customer that a server has named counts as the user's too, and its last metadata is told.
	if n := s.DeleteCustomersOf("alice"); n != 1 {
		t.Errorf("%d customers of alice's were deleted", n)
	}
	if deleted := in.next(t, 1)["customer.deleted"]; fmt.Sprint(deleted["metadata"]) != "map[user_id:alice]" {
		t.Errorf("customer.deleted of %v", deleted)
	}
}

// The signature is Stripe's scheme. https://docs.stripe.com/webhooks#verify-manually
func TestTheSignatureOfAnEvent(t *testing.T) {
	event := []byte(`{"id":"evt_1"}`)
	mac := hmac.New(sha256.New, []byte(signingSecret))
	_, _ = io.WriteString(mac, `1700000000.{"id":"evt_1"}`)
	if got, want := events.Sign(event, signingSecret, time.Unix(1_700_000_000, 999_000_000)),
		"t=1700000000,v1="+hex.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The members of an event that every program reads. https://docs.stripe.com/api/events/object
func TestTheShapeOfAnEvent(t *testing.T) {
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

// Any answer but a 2xx means that the event was not received, a redirect too.
// https://docs.stripe.com/webhooks
func TestWhatAcknowledgesAnEvent(t *testing.T) {
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
			t.Errorf("%d acknowledges: %v, after %d requests", status, got, requests)
		}
		server.Close()
	}
	if (events.Endpoint{URL: "http://127.0.0.1:1"}).Attempt(context.Background(), nil, time.Now()) {
		t.Error("an endpoint that is down acknowledges")
	}
}
