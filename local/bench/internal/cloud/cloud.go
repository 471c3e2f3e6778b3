// Package cloud simulates the upstreams of the portal for measurements: an OIDC issuer, DynamoDB,
// Secrets Manager and Stripe. Each has its own TLS port and its own round trip time, and sends a
// fixed response that is as long as the real one and has as many headers. It does not check
// requests: other tests do that.
package cloud

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"billingportal/local/bench/internal/network"
)

// Distances are the round trip times to the upstreams. AWS applies to DynamoDB and Secrets Manager.
type Distances struct{ AWS, Issuer, Stripe time.Duration }

// Upstreams returns the names of the upstreams.
func Upstreams() []string { return []string{issuerName, dynamoDBName, secretsManagerName, stripeName} }

const (
	issuerName         = "issuer"
	dynamoDBName       = "DynamoDB"
	secretsManagerName = "Secrets Manager"
	stripeName         = "Stripe"
)

// Traffic counts the connections and requests of an upstream.
type Traffic struct{ Connections, Calls int }

// Minus returns the traffic since an earlier reading.
func (t Traffic) Minus(earlier Traffic) Traffic {
	return Traffic{t.Connections - earlier.Connections, t.Calls - earlier.Calls}
}

// Cloud is a running set of upstreams.
type Cloud struct {
	authority *authority
	issuer    *issuer
	upstreams map[string]*upstream
}

type upstream struct {
	url      string
	server   *http.Server
	listener *network.Listener
	calls    atomic.Int64
}

// Start starts a cloud on loopback ports.
func Start(distances Distances) (*Cloud, error) {
	authority, err := newAuthority()
	if err != nil {
		return nil, err
	}
	issuer, err := newIssuer()
	if err != nil {
		return nil, err
	}
	c := &Cloud{authority: authority, issuer: issuer, upstreams: map[string]*upstream{}}
	for _, u := range []struct {
		name     string
		distance time.Duration
		http2    bool // like the real upstream; DynamoDB and Secrets Manager do not support it
		handler  http.HandlerFunc
	}{
		{issuerName, distances.Issuer, true, issuer.serve},
		{dynamoDBName, distances.AWS, false, serveDynamoDB},
		{secretsManagerName, distances.AWS, false, serveSecretsManager},
		{stripeName, distances.Stripe, true, serveStripe},
	} {
		started, err := c.start(u.distance, u.http2, u.handler)
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("start %s: %w", u.name, err)
		}
		c.upstreams[u.name] = started
	}
	issuer.url = c.upstreams[issuerName].url
	return c, nil
}

func (c *Cloud) start(distance time.Duration, http2 bool, handler http.HandlerFunc) (*upstream, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{url: "https://" + listener.Addr().String(), listener: network.Distant(listener, distance)}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(http2)
	u.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			u.calls.Add(1)
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			handler(w, r)
		}),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{c.authority.server},
			MinVersion: tls.VersionTLS12},
		Protocols:         protocols,
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that were stopped cause errors
	}
	go func() { _ = u.server.ServeTLS(u.listener, "", "") }() // until Close
	return u, nil
}

// Close stops the upstreams.
func (c *Cloud) Close() {
	for _, u := range c.upstreams {
		_ = u.server.Close()
	}
}

// Traffic returns the traffic of each upstream since Start.
func (c *Cloud) Traffic() map[string]Traffic {
	traffic := map[string]Traffic{}
	for name, u := range c.upstreams {
		traffic[name] = Traffic{u.listener.Accepted(), int(u.calls.Load())}
	}
	return traffic
}

// CA returns the certificates to trust, in PEM.
func (c *Cloud) CA() []byte { return c.authority.pem }

// Environment returns the environment of a portal function that uses this cloud.
func (c *Cloud) Environment() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB":        c.upstreams[dynamoDBName].url,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": c.upstreams[secretsManagerName].url,
		"STRIPE_API_BASE":                  c.upstreams[stripeName].url,
		"STRIPE_LIVEMODE":                  "false",
		"STRIPE_SECRET_ID":                 "billing-portal/stripe",
		"CUSTOMERS_TABLE":                  "billing-customers",
		"JWT_ISSUER":                       c.upstreams[issuerName].url,
		"JWT_AUDIENCE":                     audience,
		"ALLOWED_ORIGINS":                  "https://app.example.com",
		"DEFAULT_RETURN_URL":               "https://app.example.com/account",
	}
}

// WebhookEnvironment returns the environment of a webhook function that uses this cloud.
func (c *Cloud) WebhookEnvironment() map[string]string {
	environment := c.Environment()
	return map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB":        environment["AWS_ENDPOINT_URL_DYNAMODB"],
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"],
		"STRIPE_LIVEMODE":                  "false",
		"WEBHOOK_SECRET_ID":                "billing-portal/webhook",
		"CUSTOMERS_TABLE":                  environment["CUSTOMERS_TABLE"],
	}
}
