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
	// DefaultTTL is how long a token is valid where nobody says.
	DefaultTTL = time.Hour
)

// Users returns those whom the token endpoint knows. A user's sub is the name.
func Users() []string { return []string{"alice", "bob", "carol", "dave", "erin"} }

// Issuer signs tokens and, as an http.Handler for the paths below its own URL,
// publishes the keys that verify them. It is safe for concurrent use.
type Issuer struct {
	// Now is the clock that iat and exp come from; nil means time.Now.
	Now func() time.Time

	url string
	own string // host of url, with its port if it has one
	mux *http.ServeMux

	mu   sync.RWMutex
	keys []signingKey // the first one signs, all are published
}

// New returns an issuer with a key that is as old as the process. The URL becomes the iss of every
// token: https, or http on a loopback host, without a slash at the end.
func New(issuer string) (*Issuer, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, errors.New("issuer is not a URL")
	}
	switch {
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("issuer must be a URL of scheme, host and path alone (OpenID Connect Discovery 1.0, " +
			"section 3)")
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

// ServeHTTP serves the paths relative to the issuer's URL.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.mux.ServeHTTP(w, r) }

// Token signs a token for the user. Its claims are iss, aud, sub, iat and exp,
// with the given ones merged over them; a claim given as nil is left out. A
// ttl of 0 means DefaultTTL, one below makes a token that has expired. Here,
// unlike at the token endpoint, any user will do.
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
