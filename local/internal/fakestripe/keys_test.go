package fakestripe

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v79"
)

func TestKeys(t *testing.T) {
	s := start(t, Config{})
	tests := []struct {
		name, authorization string
		message             string
	}{
		{"no key", "", "You did not provide an API key."},
		{"another scheme", "Basic " + testKey, "You did not provide an API key."},
		{"an empty key", "Bearer ", "You did not provide an API key."},
		{"another test key", "Bearer sk_test_" + "otherKey1234", "Invalid API Key provided: sk_test_***"},
		{"another restricted key", "Bearer rk_test_" + "otherKey1234", "Invalid API Key provided: rk_test_***"},
		{"a live key", "Bearer sk_" + "live_otherKey1234", "Invalid API Key provided: sk_live_***"},
		{"not a key", "Bearer otherKey1234", "Invalid API Key provided: ***"},
		{"the key with a suffix", "Bearer " + testKey + "x", "Invalid API Key provided: sk_test_***"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, request := range [][2]string{{"POST", sessions}, {"GET", "/v1/subscriptions"},
				{"GET", "/v1/charges"}} {
				got := s.send(t, request[0], request[1], "", "Authorization", tt.authorization)
				if got.status != 401 || got.Error.Type != "invalid_request_error" ||
					!strings.HasPrefix(got.Error.Message, tt.message) {
					t.Errorf("%v: %d %s", request, got.status, got.body)
				}
				if strings.Contains(got.body, "Key1234") {
					t.Errorf("the key is in %s", got.body)
				}
			}
		})
	}
}

func TestRollingAKey(t *testing.T) {
	s := start(t, Config{})
	params := &stripe.BillingPortalSessionParams{Customer: stripe.String("cus_DemoAlice")}
	rolled := "rk_test_" + "rolled"
	if err := s.SetKeys(testKey, rolled); err != nil {
		t.Fatal(err)
	}
	after := newClient(s.url, rolled)
	for name, c := range map[string]func(*stripe.BillingPortalSessionParams) (*stripe.BillingPortalSession, error){
		"the old key while both work": s.client.BillingPortalSessions.New,
		"the new key while both work": after.BillingPortalSessions.New,
	} {
		if _, err := c(params); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.SetKeys(rolled); err != nil {
		t.Fatal(err)
	}
	if _, err := after.BillingPortalSessions.New(params); err != nil {
		t.Errorf("the new key: %v", err)
	}
	_, err := s.client.BillingPortalSessions.New(params)
	var refused *stripe.Error
	if !errors.As(err, &refused) || refused.HTTPStatusCode != http.StatusUnauthorized {
		t.Errorf("the old key: %v", err)
	}
	if err := s.SetKeys("sk_" + "live_x"); err == nil {
		t.Error("a live key was accepted")
	}
}

func TestMissingPermission(t *testing.T) {
	s := start(t, Config{Keys: []string{"rk_test_" + "restricted"}})
	s.Withhold("rk_test_"+"restricted", "subscription_read")
	_, err := s.client.Subscriptions.Get("sub_DemoAlice", nil)
	var refused *stripe.Error
	if !errors.As(err, &refused) || refused.HTTPStatusCode != http.StatusForbidden ||
		!strings.Contains(refused.Msg, "'rk_test_***'") || !strings.Contains(refused.Msg, "('subscription_read')") {
		t.Errorf("a missing permission: got %v, want 403", err)
	}
	if _, err := s.client.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
		Customer: stripe.String("cus_DemoAlice"),
	}); err != nil {
		t.Errorf("a request that needs another permission: %v", err)
	}
}
