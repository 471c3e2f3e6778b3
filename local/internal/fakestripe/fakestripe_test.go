package fakestripe

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/client"
)

const testKey = "sk_test_" + "localdemo1"

// standIn is a running fake with a real client for it.
type standIn struct {
	*Stripe
	url    string
	client *client.API
}

func start(t *testing.T, cfg Config) *standIn {
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
	return &standIn{Stripe: s, url: server.URL, client: newClient(server.URL, cfg.Keys[0])}
}

func newClient(url, key string) *client.API {
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               stripe.String(url),
		HTTPClient:        &http.Client{Timeout: time.Minute},
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
	})
	return client.New(key, &stripe.Backends{API: backend})
}

// reply is a response as received.
type reply struct {
	status int
	header http.Header
	body   string
	Error  struct{ Type, Code, Param, Message string }
	ID     string
	URL    string
}

// send makes requests that the real client would not make.
func (s *standIn) send(t *testing.T, method, path, body string, header ...string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+testKey)
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{status: response.StatusCode, header: response.Header, body: string(read)}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(read, &r); err != nil {
			t.Fatalf("%v in %s", err, read)
		}
	}
	return r
}

const sessions = "/v1/billing_portal/sessions"

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no public URL":                  {Keys: []string{testKey}},
		"a public URL without a scheme":  {PublicURL: "127.0.0.1:8080"},
		"a public URL of another scheme": {PublicURL: "file:///p"},
		"a live key":                     {PublicURL: "http://127.0.0.1", Keys: []string{"sk_" + "live_x"}},
		"a publishable key":              {PublicURL: "http://127.0.0.1", Keys: []string{"pk_test_x"}},
		"a key that stripe-mock refuses": {PublicURL: "http://127.0.0.1", Keys: []string{"sk_test_a_b"}},
		"an empty key":                   {PublicURL: "http://127.0.0.1", Keys: []string{"sk_test_"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(cfg); err == nil {
				t.Error("New returned no error")
			}
		})
	}
}

func TestUnknownEndpointIs404(t *testing.T) {
	s := start(t, Config{})
	got := s.send(t, "GET", "/v1/charges", "")
	if got.status != 404 || got.Error.Type != "invalid_request_error" ||
		!strings.HasPrefix(got.Error.Message, "Unrecognized request URL (GET: /v1/charges).") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

func TestEveryResponseHasAUniqueID(t *testing.T) {
	s := start(t, Config{})
	seen := make(map[string]bool)
	for _, path := range []string{"/v1/charges", "/v1/products", "/v1/subscriptions/none", "/v1/products"} {
		header := s.send(t, "GET", path, "", "Stripe-Version", "2024-06-20").header
		if version := header.Get("Stripe-Version"); version != "2024-06-20" {
			t.Errorf("Stripe-Version of %s: %q", path, version)
		}
		id := header.Get("Request-Id")
		if !strings.HasPrefix(id, "req_") || len(id) != len("req_")+14 || seen[id] {
			t.Errorf("Request-Id of %s: %q", path, id)
		}
		seen[id] = true
	}
}

func TestLongBodyIsRefused(t *testing.T) {
	s := start(t, Config{})
	if got := s.send(t, "POST", sessions, strings.Repeat("x", 1<<20+1)); got.status != 413 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

func TestConcurrentRequests(t *testing.T) {
	s := start(t, Config{})
	var all sync.WaitGroup
	answers := make([]reply, 20)
	for i := range answers {
		all.Go(func() { answers[i] = s.send(t, "POST", sessions, "customer=cus_DemoAlice") })
	}
	all.Wait()
	urls := make(map[string]bool)
	for _, answer := range answers {
		urls[answer.URL] = true
	}
	if len(urls) != len(answers) || urls[""] {
		t.Errorf("the requests created %d different sessions", len(urls))
	}
}
