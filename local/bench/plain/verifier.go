package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// verifier checks tokens with the keys of the issuer, which it caches for an hour.
type verifier struct {
	issuer, audience string

	mu      sync.Mutex
	keys    *jose.JSONWebKeySet
	fetched time.Time
}

func (v *verifier) verify(ctx context.Context, raw string) (string, error) {
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return "", err
	}
	keys, err := v.keySet(ctx)
	if err != nil {
		return "", err
	}
	var claims jwt.Claims
	if err := token.Claims(keys, &claims); err != nil {
		return "", err
	}
	return claims.Subject, claims.Validate(jwt.Expected{Issuer: v.issuer, AnyAudience: jwt.Audience{v.audience}})
}

func (v *verifier) keySet(ctx context.Context) (*jose.JSONWebKeySet, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys != nil && time.Since(v.fetched) < time.Hour {
		return v.keys, nil
	}
	var configuration struct {
		KeysAt string `json:"jwks_uri"`
	}
	if err := getJSON(ctx, v.issuer+"/.well-known/openid-configuration", &configuration); err != nil {
		return nil, err
	}
	keys := new(jose.JSONWebKeySet)
	if err := getJSON(ctx, configuration.KeysAt, keys); err != nil {
		return nil, err
	}
	v.keys, v.fetched = keys, time.Now()
	return keys, nil
}

func getJSON(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
