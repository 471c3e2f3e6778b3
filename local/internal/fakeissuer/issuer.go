package fakeissuer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"billingportal/local/internal/loopback"
)

const (
	// Audience is the default aud of a token.
	Audience = "billing-portal"
	// DefaultTTL is how long a token is valid by default.
	DefaultTTL = time.Hour
)

// Users returns the users of the token endpoint. The sub of a user is the name.
func Users() []string { return []string{"alice", "bob", "carol", "dave", "erin"} }

// Issuer signs tokens. As an http.Handler for the paths below its URL, it publishes the keys that
// verify them. It is safe for concurrent use.
type Issuer struct {
	// Now returns the current time, for iat and exp; nil means time.Now.
	Now func() time.Time

	url string
	own string // host of the URL, with its port if present
	mux *http.ServeMux

	mu   sync.RWMutex
	keys []signingKey // the first key signs, all keys are published
}

// New returns an issuer with a key that all issuers of this process share. The URL becomes the iss
// of every token. It must be https, or http on a loopback host, without a trailing slash.
func New(issuer string) (*Issuer, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, errors.New("issuer is not a URL")
	}
	switch {
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("issuer must be a URL with only a scheme, host and path (OpenID Connect Discovery " +
			"1.0, section 3)")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback.IsHost(u.Host)):
		return nil, errors.New("issuer must be https, or http on a loopback host")
	case issuer[len(issuer)-1] == '/':
		return nil, errors.New("issuer must not end in a slash")
	}
	key, err := firstKey()
	if err != nil {
		return nil, err
	}
	i := &Issuer{url: issuer, own: u.Host, mux: http.NewServeMux(), keys: []signingKey{key}}
	i.mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	i.mux.HandleFunc("GET /jwks.json", i.jwks)
	i.mux.HandleFunc("POST /token", i.mint)
	return i, nil
}

// ServeHTTP serves the paths below the URL of the issuer.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.mux.ServeHTTP(w, r) }

// Token signs a token for a user. Its claims are iss, aud, sub, iat and exp. claims overrides and
// extends them; a nil value removes a claim. A ttl of 0 means DefaultTTL, and a negative ttl makes
// an expired token. Unlike the token endpoint, Token accepts any user.
func (i *Issuer) Token(user string, claims map[string]any, ttl time.Duration) (string, error) {
	if ttl == 0 {
		ttl = DefaultTTL
	}
	now := i.now()
	merged := map[string]any{
		"iss": i.url,
		"aud": Audience,
		"sub": user,
		"iat": now.Unix(),
		"exp": now.Add(ttl).Unix(),
	}
	maps.Copy(merged, claims)
	maps.DeleteFunc(merged, func(_ string, value any) bool { return value == nil })
	payload, err := json.Marshal(merged)
	if err != nil {
		return "", fmt.Errorf("encoding the claims: %w", err)
	}
	return i.current().sign(payload)
}

func (i *Issuer) now() time.Time {
	if i.Now != nil {
		return i.Now()
	}
	return time.Now()
}
