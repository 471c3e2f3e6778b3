package checks

import (
	"bytes"
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
	"strings"
	"sync"
	"testing"
	"time"

	"billingportal/functions/app"
	"billingportal/functions/app/portal"
	"billingportal/local/internal/fakeaws/dynamodb"
	"billingportal/local/internal/fakeaws/secretsmanager"
	"billingportal/local/internal/fakeissuer"
	"billingportal/local/internal/gateway"
)

// service is both functions, assembled and behind a gateway, with fake upstreams. The users one,
// two and none have that many subscriptions; other users have no customer.
type service struct {
	t      *testing.T
	origin string
	issuer *fakeissuer.Issuer
	env    map[string]string

	mu sync.Mutex
	// replaced upstreams: issuer, dynamodb, secretsmanager, stripe, sessions
	broken map[string]http.HandlerFunc
	sent   map[string][]string // the form of the last session
}

const (
	checksSigningSecret = "whsec_" + "checks"
	checksStripeKey     = "sk_test_" + "checks"
)

func startService(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, broken: map[string]http.HandlerFunc{}}
	server := httptest.NewUnstartedServer(nil)
	s.origin = "http://" + server.Listener.Addr().String()
	var err error
	if s.issuer, err = fakeissuer.New(s.origin + "/oidc"); err != nil {
		t.Fatal(err)
	}
	table, secrets := dynamodb.NewServer(), secretsmanager.NewServer()
	if err := table.CreateTable("customers", "user_id"); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"one", "two", "none"} {
		if err := table.Put("customers", map[string]any{"user_id": user, "customer_id": "cus_" + user}); err != nil {
			t.Fatal(err)
		}
	}
	secrets.Put("stripe", checksStripeKey)
	secrets.Put("webhook", checksSigningSecret)
	mux := http.NewServeMux()
	for path, upstream := range map[string]struct {
		name    string
		handler http.Handler
	}{
		"/oidc/": {"issuer", s.issuer}, "/dynamodb": {"dynamodb", table},
		"/secretsmanager": {"secretsmanager", secrets}, "/stripe/": {"stripe", s.stripe()},
	} {
		mux.Handle(path, http.StripPrefix(strings.TrimSuffix(path, "/"),
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s.or(upstream.name, upstream.handler.ServeHTTP)(w, r)
			})))
	}
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	s.env = map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_LAMBDA_FUNCTION_NAME":         "function",
		"AWS_ENDPOINT_URL_DYNAMODB":        s.origin + "/dynamodb",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": s.origin + "/secretsmanager",
		"CUSTOMERS_TABLE":                  "customers", "STRIPE_SECRET_ID": "stripe", "STRIPE_LIVEMODE": "false",
		"STRIPE_API_BASE": s.origin + "/stripe",
		"JWT_ISSUER":      s.origin + "/oidc", "JWT_AUDIENCE": fakeissuer.Audience, "SESSION_COOKIE": "session",
		"ALLOWED_ORIGINS": "https://app.example.com", "DEFAULT_RETURN_URL": "https://app.example.com/",
		"ALLOWED_CONFIGURATIONS": "bpc_DemoDefault", "ALLOWED_ACCOUNTS": "acct_DemoConnect",
		"ALLOWED_COUPONS": "STAY20", "ALLOWED_PROMOTION_CODES": "promo_DemoSpring",
	}
	return s
}

// or returns the handler of a broken upstream, or usual if it is not broken.
func (s *service) or(name string, usual http.HandlerFunc) http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	if broken := s.broken[name]; broken != nil {
		return broken
	}
	return usual
}

func (s *service) breakUpstreams(broken map[string]http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// stripe responds to the requests that the portal sends to Stripe.
func (s *service) stripe() http.Handler {
	subscription := func(id, customer string) map[string]any {
		item := map[string]any{"id": "si_DemoAlice", "quantity": 1,
			"price": map[string]any{"id": "price_Basic", "product": "prod_1"}}
		return map[string]any{"id": id, "object": "subscription", "customer": customer, "status": "active",
			"items": map[string]any{"data": []any{item}}}
	}
	list := func(data ...any) map[string]any {
		return map[string]any{"object": "list", "has_more": false, "data": data}
	}
	write := func(w http.ResponseWriter, value any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/subscriptions", func(w http.ResponseWriter, r *http.Request) {
		switch customer := r.FormValue("customer"); customer {
		case "cus_one":
			write(w, list(subscription("sub_DemoAlice", customer)))
		case "cus_two":
			write(w, list(subscription("sub_1", customer), subscription("sub_2", customer)))
		default:
			write(w, list())
		}
	})
	mux.HandleFunc("GET /v1/subscriptions/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "sub_DemoAlice" {
			write(w, subscription("sub_DemoAlice", "cus_one"))
			return
		}
		stripeError(404,
			map[string]any{"type": "invalid_request_error", "code": "resource_missing", "param": "id"})(w, r)
	})
	mux.HandleFunc("GET /v1/products", func(w http.ResponseWriter, _ *http.Request) {
		write(w, list(map[string]any{"id": "prod_1", "object": "product", "name": "Basic"}))
	})
	mux.HandleFunc("POST /v1/billing_portal/sessions", func(w http.ResponseWriter, r *http.Request) {
		s.or("sessions", func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			s.mu.Lock()
			s.sent = r.PostForm
			s.mu.Unlock()
			write(w, map[string]any{
				"id": "bps_1", "object": "billing_portal.session", "configuration": "bpc_1", "created": 1,
				"customer": r.FormValue("customer"), "flow": nil,
				"livemode": false, "locale": nil, "on_behalf_of": nil, "return_url": r.FormValue("return_url"),
				"url": "https://billing.stripe.com/p/session/1",
			})
		})(w, r)
	})
	return mux
}

// stripeError returns an error in Stripe's format.
func stripeError(status int, members map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": members})
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// hang never responds. It returns when the caller disconnects.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// assembled returns a function with changed variables, behind a gateway that stops it after
// timeout; 0 means the timeout of the template.
func (s *service) assembled(assemble app.Assembly, changes map[string]string, timeout time.Duration) http.Handler {
	s.t.Helper()
	env := maps.Clone(s.env)
	maps.Copy(env, changes)
	ctx, cancel := context.WithCancel(context.Background())
	s.t.Cleanup(cancel)
	function, err := assemble(ctx, func(name string) string { return env[name] }, io.Discard)
	if err != nil {
		s.t.Fatal(err)
	}
	return gateway.New(function,
		gateway.Config{AllowedOrigins: strings.Split(env["ALLOWED_ORIGINS"], ","), Timeout: timeout})
}

func (s *service) portal(changes map[string]string) http.Handler {
	s.t.Helper()
	return s.assembled(portal.New, changes, 0)
}

func (s *service) token(user string) string {
	s.t.Helper()
	token, err := s.issuer.Token(user, nil, time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// request is a short form of an HTTP request.
type request struct {
	method, path, body string
	header             map[string]string
}

func (r request) with(name, value string) request {
	r.header = maps.Clone(r.header)
	if r.header == nil {
		r.header = map[string]string{}
	}
	r.header[name] = value
	return r
}

func (r request) ask(t *testing.T, handler http.Handler) *httptest.ResponseRecorder {
	t.Helper()
	asked := httptest.NewRequestWithContext(t.Context(), r.method, "https://api.example.com"+r.path,
		strings.NewReader(r.body))
	for name, value := range r.header {
		asked.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, asked)
	return w
}

// signed returns a request as Stripe sends and signs it.
func signed(body string) request {
	now := time.Now().Unix()
	mac := hmac.New(sha256.New, []byte(checksSigningSecret))
	fmt.Fprintf(mac, "%d.%s", now, body)
	header := map[string]string{"Content-Type": "application/json",
		"Stripe-Signature": fmt.Sprintf("t=%d,v1=%s", now, hex.EncodeToString(mac.Sum(nil)))}
	return request{http.MethodPost, "/stripe/webhook", body, header}
}

// decoded returns the JSON of a response.
func decoded(w *httptest.ResponseRecorder) map[string]any {
	var value map[string]any
	_ = json.NewDecoder(bytes.NewReader(w.Body.Bytes())).Decode(&value) // a page has no JSON
	return value
}
