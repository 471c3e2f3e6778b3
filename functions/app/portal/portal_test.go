package portal

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/go-jose/go-jose/v4"

	"billingportal/functions/app/internal/config/configtest"
)

const (
	portalKey    = "sk_test_" + "KEYx7Q0123456789"
	portalNewKey = "sk_test_" + "NEWx7Q0123456789"
	portalURL    = "https://billing.stripe.com/p/session/test_SESSIONx7Q"
)

// cloud stands in for every upstream of the function: servers that count their requests, and the
// issuer's key.
type cloud struct {
	dynamoDB, secrets, stripe, issuer *counted
	signer                            jose.Signer
	key                               atomic.Value // the currently valid Stripe key
}

type counted struct {
	*httptest.Server
	requests atomic.Int32
	last     atomic.Pointer[http.Request]
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{}
	c.key.Store(portalKey)
	serve := func(handler http.HandlerFunc) *counted {
		s := &counted{}
		s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.requests.Add(1)
			s.last.Store(r)
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			handler(w, r)
		}))
		t.Cleanup(s.Close)
		return s
	}
	write := func(w io.Writer, text string) { _, _ = io.WriteString(w, text) }
	c.dynamoDB = serve(func(w http.ResponseWriter, _ *http.Request) {
		write(w, `{"Item":{"customer_id":{"S":"cus_Alice"}}}`)
	})
	c.secrets = serve(func(w http.ResponseWriter, _ *http.Request) {
		write(w, `{"SecretString":"`+c.key.Load().(string)+`"}`)
	})
	c.stripe = serve(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+c.key.Load().(string) {
			w.WriteHeader(http.StatusUnauthorized)
			write(w, `{"error":{"type":"invalid_request_error","message":"Invalid API Key provided: `+secretText+`"}}`)
			return
		}
		write(w, `{"id":"bps_1","object":"billing_portal.session","customer":"cus_Alice","livemode":false,"url":"`+
			portalURL+`"}`)
	})

	set, signer := newSigningKey(t)
	c.signer = signer
	c.issuer = serve(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
			write(w, `{"issuer":"`+c.issuer.URL+`","jwks_uri":"`+c.issuer.URL+`/jwks.json"}`)
		default:
			write(w, set)
		}
	})
	return c
}

// newSigningKey returns a key set with one key, and its signer. The key's ID is always k.
func newSigningKey(t *testing.T) (set string, signer jose.Signer) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := jose.JSONWebKey{Key: private.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	if err != nil {
		t.Fatal(err)
	}
	signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private},
		(&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text), signer
}

func (c *cloud) environment() configtest.Env {
	return configtest.Portal.With(configtest.Env{
		"AWS_ENDPOINT_URL_DYNAMODB":        c.dynamoDB.URL,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": c.secrets.URL,
		"STRIPE_API_BASE":                  c.stripe.URL,
		"JWT_ISSUER":                       c.issuer.URL,
		"LOG_LEVEL":                        "debug",
	})
}

// calls returns the number of requests to each server since the last call.
func (c *cloud) calls() map[string]int32 {
	return map[string]int32{
		"dynamodb": c.dynamoDB.requests.Swap(0),
		"secrets":  c.secrets.requests.Swap(0),
		"stripe":   c.stripe.requests.Swap(0),
		"issuer":   c.issuer.requests.Swap(0),
	}
}

func (c *cloud) token(t *testing.T) string {
	t.Helper()
	return c.tokenWith(t, nil)
}

// tokenWith returns a token with some claims changed; nil removes one.
func (c *cloud) tokenWith(t *testing.T, changes map[string]any) string {
	t.Helper()
	return signed(t, c.signer, c.issuer.URL, changes)
}

func signed(t *testing.T, signer jose.Signer, issuer string, changes map[string]any) string {
	t.Helper()
	return configtest.Token(t, signer, map[string]any{
		"iss": issuer, "aud": "billing-portal", "sub": "alice",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}, changes)
}

// invoke sends one request to the function, as API Gateway does.
func (c *cloud) invoke(t *testing.T, handler lambda.Handler) events.APIGatewayV2HTTPResponse {
	t.Helper()
	return c.send(t, handler, func(*events.APIGatewayV2HTTPRequest) {})
}

// invokeWith sends one request with a token.
func invokeWith(t *testing.T, handler lambda.Handler, token string) events.APIGatewayV2HTTPResponse {
	t.Helper()
	return send(t, handler, token, func(*events.APIGatewayV2HTTPRequest) {})
}

// send sends one request with alice's token, after change has edited it.
func (c *cloud) send(t *testing.T, handler lambda.Handler,
	change func(event *events.APIGatewayV2HTTPRequest)) events.APIGatewayV2HTTPResponse {
	t.Helper()
	return send(t, handler, c.token(t), change)
}

func send(t *testing.T, handler lambda.Handler, token string,
	change func(event *events.APIGatewayV2HTTPRequest)) events.APIGatewayV2HTTPResponse {
	t.Helper()
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0",
		RawPath: "/billing/portal",
		Headers: map[string]string{"authorization": "Bearer " + token, "host": "api.example.com"},
	}
	event.RequestContext.HTTP.Method, event.RequestContext.HTTP.Path = http.MethodPost, event.RawPath
	change(&event)
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	answer, err := handler.Invoke(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	var response events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		t.Fatal(err)
	}
	return response
}

func (c *cloud) requireSession(t *testing.T, handler lambda.Handler) {
	t.Helper()
	response := c.invoke(t, handler)
	if response.StatusCode != http.StatusSeeOther || response.Headers["Location"] != portalURL {
		t.Errorf("answer = %d %v %s", response.StatusCode, response.Headers, response.Body)
	}
}

func requireCalls(t *testing.T, got map[string]int32, want map[string]int32) {
	t.Helper()
	for name, count := range want {
		if got[name] != count {
			t.Errorf("%d calls to %s, want %d", got[name], name, count)
		}
	}
}

func newPortal(t *testing.T, environment configtest.Env) (lambda.Handler, *configtest.Log) {
	t.Helper()
	written := &configtest.Log{}
	handler, err := New(t.Context(), environment.Get, written)
	if err != nil {
		t.Fatal(err)
	}
	return handler, written
}

func TestCallsOfAFirstAndOfAWarmRequest(t *testing.T) {
	c := newCloud(t)
	handler, written := newPortal(t, c.environment())
	c.requireSession(t, handler)
	cold := c.calls()
	requireCalls(t, cold, map[string]int32{"dynamodb": 1, "secrets": 1, "stripe": 1})
	if cold["issuer"] > 2 {
		t.Errorf("%d calls for keys, want at most 2", cold["issuer"])
	}
	for range 10 {
		c.requireSession(t, handler)
		requireCalls(t, c.calls(), map[string]int32{"dynamodb": 1, "secrets": 0, "stripe": 1, "issuer": 0})
	}
	for _, upstream := range []*counted{c.dynamoDB, c.secrets, c.stripe} {
		// stripe-go leaves the length of a request open. The request would be sent in chunks, each
		// with a TLS record and a system call.
		if last := upstream.last.Load(); last.ContentLength <= 0 {
			t.Errorf("%s: a request of unknown length", last.URL)
		}
	}
	for _, secret := range []string{portalURL, "SESSIONx7Q", portalKey, "KEYx7Q", "eyJ", c.token(t)[:20]} {
		if strings.Contains(written.String(), secret) {
			t.Errorf("%q was logged:\n%s", secret, written)
		}
	}
	if lines := strings.Count(written.String(), `"msg":"request"`); lines != 11 {
		t.Errorf("%d lines for 11 requests:\n%s", lines, written)
	}
}

func TestConcurrentFirstRequests(t *testing.T) {
	c := newCloud(t)
	handler, written := newPortal(t, c.environment())
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() { c.requireSession(t, handler) })
	}
	wait.Wait()
	requireCalls(t, c.calls(), map[string]int32{"dynamodb": 20, "secrets": 1, "stripe": 20, "issuer": 2})
	for line := range strings.Lines(written.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a log line is no JSON: %s", line)
		}
	}
}

func TestARotatedKeyCostsNoRequest(t *testing.T) {
	c := newCloud(t)
	handler, _ := newPortal(t, c.environment())
	c.requireSession(t, handler)
	c.calls()
	c.key.Store(portalNewKey)
	c.requireSession(t, handler)
	requireCalls(t, c.calls(), map[string]int32{"dynamodb": 1, "secrets": 1, "stripe": 2, "issuer": 0})
	c.requireSession(t, handler)
	requireCalls(t, c.calls(), map[string]int32{"dynamodb": 1, "secrets": 0, "stripe": 1})
}

// An organization's key is never sent, and a corrected secret works immediately.
func TestAnOrganizationsKeyIsRefusedWithItsReason(t *testing.T) {
	c := newCloud(t)
	c.key.Store("sk_org_test_" + "KEYx7Q0123456789")
	handler, written := newPortal(t, c.environment())
	for range 2 {
		requireProblem(t, c.invoke(t, handler), 500, "billing-misconfigured", lastLine(written))
		if line := lastLine(written); !strings.Contains(line,
			"an organization's key (sk_org_…), which needs a context that this service does not send") ||
			!strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("line = %s", line)
		}
	}
	if calls := c.calls(); calls["secrets"] < 2 || calls["stripe"] != 0 {
		t.Errorf("calls = %v", calls)
	}
	c.key.Store(portalKey)
	c.requireSession(t, handler)
	if strings.Contains(written.String(), "KEYx7Q") {
		t.Errorf("the key was logged:\n%s", written)
	}
}

// The SDK's clients read AWS_ENDPOINT_URL from the process, whatever their configuration says.
func TestEndpointsOfTheEnvironmentAreUsed(t *testing.T) {
	for name, service := range map[string]func(*cloud) *counted{
		"AWS_ENDPOINT_URL for DynamoDB":        func(c *cloud) *counted { return c.dynamoDB },
		"AWS_ENDPOINT_URL for Secrets Manager": func(c *cloud) *counted { return c.secrets },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			environment := c.environment()
			for variable, url := range map[string]string{
				"AWS_ENDPOINT_URL_DYNAMODB":        c.dynamoDB.URL,
				"AWS_ENDPOINT_URL_SECRETS_MANAGER": c.secrets.URL,
			} {
				if url == service(c).URL {
					environment["AWS_ENDPOINT_URL"] = url
					environment[variable] = ""
				}
			}
			t.Setenv("AWS_ENDPOINT_URL", environment["AWS_ENDPOINT_URL"])
			handler, _ := newPortal(t, environment)
			c.requireSession(t, handler)
		})
	}
}
