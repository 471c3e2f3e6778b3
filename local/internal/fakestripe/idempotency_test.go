package fakestripe

import (
	"errors"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v79"
)

func TestReplay(t *testing.T) {
	s := start(t, Config{})
	first := s.send(t, "POST", sessions, alice+"&locale=de", "Idempotency-Key", "k1")
	again := s.send(t, "POST", sessions, "locale=de&"+alice, "Idempotency-Key", "k1")
	if first.status != 200 || first.header.Get("Idempotent-Replayed") != "" ||
		first.header.Get("Idempotency-Key") != "k1" {
		t.Errorf("first request: status %d, headers %v", first.status, first.header)
	}
	if again.status != 200 || again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("repeated request: status %d, headers %v, %s", again.status, again.header, again.body)
	}
	if again.header.Get("Original-Request") != first.header.Get("Request-Id") ||
		again.header.Get("Request-Id") == first.header.Get("Request-Id") {
		t.Errorf("the replay names the original request %q, want %q", again.header.Get("Original-Request"),
			first.header.Get("Request-Id"))
	}
	if other := s.send(t, "POST", sessions, alice+"&locale=de", "Idempotency-Key", "k2"); other.URL == first.URL {
		t.Error("another key returned the same session")
	}
	if len(s.Sessions) != 2 {
		t.Errorf("the account has %d sessions, want 2", len(s.Sessions))
	}
}

func TestKeyWithOtherParameters(t *testing.T) {
	s := start(t, Config{})
	params := func(customer string) *stripe.BillingPortalSessionParams {
		p := &stripe.BillingPortalSessionParams{Customer: stripe.String(customer)}
		p.SetIdempotencyKey("k1")
		return p
	}
	if _, err := s.client.BillingPortalSessions.New(params("cus_DemoAlice")); err != nil {
		t.Fatal(err)
	}
	_, err := s.client.BillingPortalSessions.New(params("cus_DemoDave"))
	var refused *stripe.Error
	if !errors.As(err, &refused) || refused.HTTPStatusCode != 400 || refused.Type != "idempotency_error" ||
		!strings.HasPrefix(refused.Msg, "Keys for idempotent requests can only be used with the same parameters") {
		t.Errorf("a used key with other parameters: got %v, want an idempotency error", err)
	}
	if got := s.send(t, "POST", configurations, alice, "Idempotency-Key", "k1"); got.status != 400 ||
		got.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("another path: %d, replayed %q", got.status, got.header.Get("Idempotent-Replayed"))
	}
}

// TestStoredResponses: a response is stored if the request reached the state of the account, even
// if it is an error.
func TestStoredResponses(t *testing.T) {
	tests := []struct {
		name, form string
		header     []string
		kept       bool
	}{
		{"refused because of the state", "customer=cus_None", nil, true},
		{"refused because of the form", alice + "&colour=red", nil, false},
		{"refused because of the key", alice, []string{"Authorization", "Bearer sk_test_" + "other"}, false},
	}
	s := start(t, Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first := s.send(t, "POST", sessions, tt.form, append(tt.header, "Idempotency-Key", tt.name)...)
			if first.status < 400 {
				t.Fatalf("status %d: %s", first.status, first.body)
			}
			again := s.send(t, "POST", sessions, tt.form, append(tt.header, "Idempotency-Key", tt.name)...)
			if kept := again.header.Get("Idempotent-Replayed") == "true"; kept != tt.kept {
				t.Errorf("the response was stored: %v", kept)
			}
			if again.body != first.body {
				t.Errorf("first %s\nagain %s", first.body, again.body)
			}
		})
	}
}

func TestKeyTooLong(t *testing.T) {
	s := start(t, Config{})
	if got := s.send(t, "POST", sessions, alice, "Idempotency-Key", strings.Repeat("k", 256)); got.status != 400 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

func TestIdempotencyKeysAreIgnoredForGet(t *testing.T) {
	s := start(t, Config{})
	for range 2 {
		if got := s.send(t, "GET", "/v1/products", "", "Idempotency-Key",
			"k1"); got.header.Get("Idempotent-Replayed") != "" {
			t.Error("a GET was replayed")
		}
	}
}
