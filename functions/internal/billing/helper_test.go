package billing_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/billing"
)

const (
	apiKey   = "sk_test_" + "KEYx7Q0123456789"
	customer = "cus_NciAYcXfLnqBoz"

	// sessionURL is a URL as Stripe sends it. Its last part is the secret that opens the portal.
	sessionSecret = "SESSIONx7Q"
	sessionURL    = "https://billing.stripe.com/p/session/test_" + sessionSecret

	// sessionJSON is Stripe's own example of a portal session, with the spaces and the order in
	// which it is sent.
	//
	// https://docs.stripe.com/api/customer_portal/sessions/object
	sessionJSON = `{
  "id": "bps_1MrSjzLkdIwHu7ixex0IvU9b",
  "object": "billing_portal.session",
  "configuration": "bpc_1MAhNDLkdIwHu7ixckACO1Jq",
  "created": 1680210639,
  "customer": "` + customer + `",
  "flow": null,
  "livemode": false,
  "locale": null,
  "on_behalf_of": null,
  "return_url": "https://example.com/account",
  "a_field_of_tomorrow": {"b": [1e2, "\u00e9", "<&>"]},
  "url": "` + sessionURL + `"
}`
)

var goodSession = faulttest.Respond(200, "application/json", sessionJSON)

// stripeServer gives its answers one after the other, repeats the last one, and records the
// requests.
type stripeServer struct {
	mu       sync.Mutex
	answers  []http.HandlerFunc
	requests []request
}

type request struct {
	method, path string
	header       http.Header
	body         string
}

func (s *stripeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.requests = append(s.requests, request{r.Method, r.URL.RequestURI(), r.Header.Clone(), string(body)})
	answer := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	s.mu.Unlock()
	w.Header().Set("Request-Id", "req_Zyn1cMXCSLzzKf")
	answer(w, r)
}

// seen returns the requests so far.
func (s *stripeServer) seen() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.requests...)
}

func (s *stripeServer) idempotencyKeys() map[string]int {
	keys := map[string]int{}
	for _, r := range s.seen() {
		keys[r.header.Get("Idempotency-Key")]++
	}
	return keys
}

// pauses records the waits between tries instead of waiting.
type pauses struct {
	mu  sync.Mutex
	all []time.Duration
}

func (p *pauses) wait(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, d)
	return ctx.Err()
}

// newStripe starts a server that gives the answers, and returns it with a client that does not wait
// between tries.
func newStripe(t *testing.T, answers ...http.HandlerFunc) (*stripeServer, *billing.Client) {
	t.Helper()
	handler := &stripeServer{answers: answers}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return handler, newClient(server.URL)
}

func newClient(url string) *billing.Client { return billing.New(newConfig(url)) }

func newConfig(url string) billing.Config {
	return billing.Config{
		APIBase:     url,
		PortalHosts: []string{"billing.stripe.com"},
		Transport:   &http.Transport{},
		Pause:       (&pauses{}).wait,
	}
}

func sessionParams() *stripe.BillingPortalSessionParams {
	return &stripe.BillingPortalSessionParams{Customer: stripe.String(customer)}
}

func create(t *testing.T, client *billing.Client) (*billing.Session, error) {
	t.Helper()
	return client.CreateSession(t.Context(), apiKey, sessionParams())
}

// requireClass requires an *Error of this class, or no error if want is 0. It also requires that
// the error contains no text from the server. It returns the error.
func requireClass(t *testing.T, err error, want billing.Class) billing.Error {
	t.Helper()
	if want == 0 {
		if err != nil {
			t.Fatalf("err = %v, want none", err)
		}
		return billing.Error{}
	}
	var failure *billing.Error
	if !errors.As(err, &failure) {
		t.Fatalf("err = %v, want an *Error: %v", err, want)
	}
	if failure.Class != want {
		t.Errorf("class = %v, want %v", failure.Class, want)
	}
	faulttest.RequireSilent(t, err, sessionSecret, apiKey, "KEYx7Q", "127.0.0.1", "cus_")
	return *failure
}

// stripeError answers as Stripe does when it refuses a request.
func stripeError(status int, members string) http.HandlerFunc {
	return faulttest.Respond(status, "application/json", `{"error":{`+members+`}}`)
}

// discardLog returns a logger for a server whose clients disconnect on purpose.
func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }
