//go:build !race

package faults

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"billingportal/functions/faulttest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/fakeaws/secretsmanager"
	"billingportal/local/internal/runtimeapi"
)

// upstream is a service that a request needs. The order is that in which a request uses them.
type upstream string

const (
	discovery      upstream = "discovery"
	keySet         upstream = "key set"
	dynamoDB       upstream = "DynamoDB"
	secretsManager upstream = "Secrets Manager"
	stripeAPI      upstream = "Stripe"
)

var allUpstreams = []upstream{discovery, keySet, dynamoDB, secretsManager, stripeAPI}

// isPrefetched reports whether the function calls the upstream at its start and caches the
// response.
func (u upstream) isPrefetched() bool { return u != dynamoDB && u != stripeAPI }

const (
	portalHost = "portal.example"
	appOrigin  = "https://app.example"
)

// testbed is shared by all clouds of a test: the fakes behind the servers, and a certificate
// authority.
type testbed struct {
	*devserver.Server
	authority *faulttest.Authority
	root      string // file with the certificate of the authority
	bootstrap string // the binary of the function
	oldKey    string // the Stripe key in the first version of the secret
	newKey    string
	elsewhere *faulttest.Server // the target of redirects, which the function must not follow
}

func newTestbed(t *testing.T) *testbed {
	t.Helper()
	b := &testbed{
		bootstrap: runtimeapi.Build(t, "billingportal/functions/portal"),
		root:      filepath.Join(t.TempDir(), "root.pem"),
		oldKey:    "sk_test_" + rand.Text(),
		newKey:    "sk_test_" + rand.Text(),
	}
	var err error
	if b.Server, err = devserver.New("https://"+portalHost, devserver.DemoKey, nil); err != nil {
		t.Fatal(err)
	}
	if b.authority, err = faulttest.NewAuthority(); err != nil {
		t.Fatal(err)
	}
	if err := b.authority.WriteRoot(b.root); err != nil {
		t.Fatal(err)
	}
	if b.elsewhere, err = faulttest.Start(faulttest.Config{Healthy: http.NotFoundHandler()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.elsewhere.Close)
	return b
}

// cloud is the set of upstreams of one process, each on its own port. Every place that can hold a
// secret has one.
type cloud struct {
	*testbed
	servers map[upstream]*faulttest.Server
	secrets *secretsmanager.Server
	user    string
	email   string
	token   string
	aws     [3]string // access key ID, secret key, session token
	secure  bool      // all upstreams use TLS

	mu      sync.Mutex
	rotated bool              // the secret contains the new key
	planted map[string]string // text that must not leak -> its place
}

// plant returns a unique text.
func (c *cloud) plant(where string) string {
	text := rand.Text()
	c.add(where, text)
	return text
}

func (c *cloud) add(where, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.planted[text] = where
}

func (b *testbed) newCloud(secure bool) (*cloud, error) {
	c := &cloud{
		testbed: b, secure: secure,
		servers: map[upstream]*faulttest.Server{},
		secrets: secretsmanager.NewServer(),
		planted: map[string]string{},
	}
	c.user, c.email = c.plant("user ID"), c.plant("claim")
	c.aws = [3]string{c.plant("AWS access key ID"), c.plant("AWS secret key"), c.plant("AWS session token")}
	c.add("Stripe key", b.oldKey)
	c.add("new Stripe key", b.newKey)
	for _, key := range b.Issuer.KeySet().Keys {
		c.add("key ID", key.KeyID)
	}
	c.putKey(b.oldKey)
	item := map[string]any{"user_id": c.user, "customer_id": "cus_DemoAlice", "note": c.plant("item")}
	if err := b.DynamoDB.Put(devserver.CustomersTable, item); err != nil {
		return nil, err
	}
	config := faulttest.Config{}
	if secure {
		config.Authority = b.authority
	}
	for name, handler := range map[upstream]http.Handler{
		discovery:      http.HandlerFunc(c.serveDiscovery),
		keySet:         http.HandlerFunc(c.serveKeys),
		dynamoDB:       b.DynamoDB,
		secretsManager: c.secrets,
		stripeAPI:      http.HandlerFunc(c.serveStripe),
	} {
		config.Healthy, config.Says = handler, c.plant("text of "+string(name))
		server, err := faulttest.Start(config)
		if err != nil {
			c.close()
			return nil, err
		}
		// The lock is for serveDiscovery, which runs when a process calls it. The race detector
		// does not see the process between this write and that read.
		c.mu.Lock()
		c.servers[name] = server
		c.mu.Unlock()
	}
	c.token = c.sign(time.Hour)
	return c, nil
}

func (c *cloud) close() {
	for _, server := range c.servers {
		server.Close()
	}
}

// putKey stores a key as the current version of the secret.
func (c *cloud) putKey(key string) {
	c.secrets.Put(devserver.StripeSecret, `{"api_key":"`+key+`","note":"`+c.plant("secret")+`"}`)
}

// rotate makes the new key the current one.
func (c *cloud) rotate() {
	c.putKey(c.newKey)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rotated = true
}

func (c *cloud) isRotated() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rotated
}

func (c *cloud) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	issuer, keys := c.servers[discovery].URL, c.servers[keySet].URL
	c.mu.Unlock()
	answerJSON(w, map[string]any{
		"issuer":   issuer,
		"jwks_uri": keys + "/" + c.plant("path of the key set") + "?" + c.plant("query of the key set"),
		"note":     c.plant("discovery document"),
	})
}

func (c *cloud) serveKeys(w http.ResponseWriter, _ *http.Request) {
	unusable := map[string]any{"kty": "oct", "kid": c.plant("ID of an unusable key"), "k": c.plant("unusable key")}
	answerJSON(w, map[string]any{"keys": []any{unusable, c.Issuer.KeySet().Keys[0]}, "note": c.plant("key set")})
}

// serveStripe is Stripe for a customer with one subscription.
func (c *cloud) serveStripe(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Request-Id", "req_"+rand.Text())
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if key != c.oldKey && key != c.newKey {
		w.WriteHeader(http.StatusUnauthorized)
		answerJSON(w, map[string]any{"error": map[string]any{"type": "invalid_request_error",
			"message": "Invalid API Key provided: " + key}})
		return
	}
	if r.Method == http.MethodGet {
		answerJSON(w, map[string]any{"object": "list", "has_more": false, "data": []any{map[string]any{
			"id": "sub_DemoAlice", "object": "subscription", "customer": "cus_DemoAlice", "status": "active",
		}}})
		return
	}
	name := c.plant(sessionURL)
	answerJSON(w, map[string]any{
		"id": "bps_" + rand.Text(), "object": "billing_portal.session",
		"configuration": "bpc_DemoDefault", "created": 1,
		"customer": r.FormValue("customer"), "flow": nil, "livemode": false, "locale": nil, "on_behalf_of": nil,
		"return_url": r.FormValue("return_url"), "url": c.Origin + "/p/session/" + name,
	})
}

func answerJSON(w http.ResponseWriter, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		http.Error(w, "unencodable", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// start starts a process that uses the cloud.
func (c *cloud) start(ctx context.Context, level string) (*runtimeapi.Process, error) {
	env := c.Environment(c.Origin)
	env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"] = c.aws[0], c.aws[1], c.aws[2]
	env["AWS_ENDPOINT_URL_DYNAMODB"] = c.servers[dynamoDB].URL
	env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = c.servers[secretsManager].URL
	env["STRIPE_API_BASE"] = c.servers[stripeAPI].URL
	env["PORTAL_HOSTS"] = portalHost
	env["JWT_ISSUER"] = c.servers[discovery].URL
	env["ALLOWED_ORIGINS"] = appOrigin
	env["DEFAULT_RETURN_URL"] = appOrigin + "/account"
	env["LOG_LEVEL"] = level
	if c.secure {
		env["SSL_CERT_FILE"] = c.root
	}
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return runtimeapi.Start(ctx, c.bootstrap, list)
}

// calls are the requests and connections that reached the upstreams.
type calls struct {
	requests    map[upstream][]faulttest.Request
	connections map[upstream]int
}

// take returns the calls since the last take.
func (c *cloud) take() calls {
	taken := calls{map[upstream][]faulttest.Request{}, map[upstream]int{}}
	for name, server := range c.servers {
		taken.requests[name], taken.connections[name] = server.Take()
	}
	return taken
}

// sign returns a token of the user that is valid for ttl.
func (c *cloud) sign(ttl time.Duration) string {
	token, err := c.Issuer.Token(c.user, map[string]any{"iss": c.servers[discovery].URL, "email": c.email}, ttl)
	if err != nil {
		panic(err) // strings and numbers can always be encoded
	}
	c.add("token", token)
	return token
}

// pieces contains each sequence of eight characters of the planted texts, in lower case, and the
// place of the text.
type pieces map[uint64]string

func (c *cloud) pieces() pieces {
	all := pieces{}
	c.mu.Lock()
	defer c.mu.Unlock()
	for planted, where := range c.planted {
		var piece uint64
		for i, character := range []byte(strings.ToLower(planted)) {
			if piece = piece<<8 | uint64(character); i >= 7 {
				all[piece] = where
			}
		}
	}
	return all
}

// in returns the places whose planted texts share eight consecutive characters with text, ignoring
// case.
func (p pieces) in(text string) []string {
	found := map[string]bool{}
	var piece uint64
	for i, character := range []byte(strings.ToLower(text)) {
		if piece = piece<<8 | uint64(character); i >= 7 && p[piece] != "" {
			found[p[piece]] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
