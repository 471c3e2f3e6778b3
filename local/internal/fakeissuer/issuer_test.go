package fakeissuer_test

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"billingportal/local/internal/fakeissuer"
)

const issuerURL = "http://127.0.0.1:8080/oidc"

func TestIssuerURLs(t *testing.T) {
	for _, c := range []struct {
		name, url string
		ok        bool
	}{
		{"https", "https://login.example.com", true},
		{"https with a path", "https://login.example.com/tenant", true},
		{"http on an IPv4 loopback", "http://127.0.0.1:8080/oidc", true},
		{"http on an IPv6 loopback", "http://[::1]:8080/oidc", true},
		{"http on localhost", "http://localhost:8080", true},
		{"http elsewhere", "http://login.example.com", false},
		{"http on a name that only starts like a loopback address", "http://127.0.0.1.example.com", false},
		{"another scheme", "ftp://127.0.0.1", false},
		{"a slash at the end", "https://login.example.com/", false},
		{"a query", "https://login.example.com?a=b", false},
		{"an empty query", "https://login.example.com?", false},
		{"a fragment", "https://login.example.com#a", false},
		{"userinfo", "https://user@login.example.com", false},
		{"no host", "https:///path", false},
		{"no URL", "://", false},
		{"nothing", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := fakeissuer.New(c.url); (err == nil) != c.ok {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestTokenClaims(t *testing.T) {
	issuer := newIssuer(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	issuer.Now = func() time.Time { return now }
	base := map[string]any{
		"iss": issuerURL, "aud": "billing-portal", "sub": "alice",
		"iat": float64(now.Unix()), "exp": float64(now.Add(time.Hour).Unix()),
	}
	with := func(changes map[string]any) map[string]any {
		merged := maps.Clone(base)
		maps.Copy(merged, changes)
		maps.DeleteFunc(merged, func(_ string, v any) bool { return v == nil })
		return merged
	}
	for _, c := range []struct {
		name   string
		ttl    time.Duration
		claims map[string]any
		want   map[string]any
	}{
		{"the defaults", 0, nil, base},
		{"a ttl", 90 * time.Second, nil, with(map[string]any{"exp": float64(now.Unix() + 90)})},
		{"a negative ttl makes an expired token", -time.Minute, nil,
			with(map[string]any{"exp": float64(now.Unix() - 60)})},
		{"an additional claim", 0, map[string]any{"scope": "billing"}, with(map[string]any{"scope": "billing"})},
		{"a claim overrides a default", 0, map[string]any{"aud": []any{"a", "b"}},
			with(map[string]any{"aud": []any{"a", "b"}})},
		{"a nil claim removes a default", 0, map[string]any{"exp": nil}, with(map[string]any{"exp": nil})},
		{"a nil claim without a default changes nothing", 0, map[string]any{"scope": nil}, base},
		{"a nested null is kept", 0, map[string]any{"a": map[string]any{"b": nil}},
			with(map[string]any{"a": map[string]any{"b": nil}})},
		{"a json.Number is kept", 0, map[string]any{"n": json.Number("1.50")}, with(map[string]any{"n": 1.5})},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := maps.Clone(c.claims)
			token, err := issuer.Token("alice", c.claims, c.ttl)
			if err != nil {
				t.Fatal(err)
			}
			if got := verify(t, token, issuer.KeySet()); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if !reflect.DeepEqual(given, c.claims) {
				t.Error("the caller's claims were changed")
			}
		})
	}
}

func TestClaimsThatCannotBeJSONAreAnError(t *testing.T) {
	if _, err := newIssuer(t).Token("alice", map[string]any{"n": math.NaN()}, 0); err == nil {
		t.Error("got no error")
	}
}

func TestKeysRotate(t *testing.T) {
	issuer := newIssuer(t)
	before, err := issuer.Token("alice", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := issuer.Rotate(); err != nil {
		t.Fatal(err)
	}
	after, err := issuer.Token("alice", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if keyID(t, before) == keyID(t, after) {
		t.Fatal("Rotate did not change the key")
	}

	published := issuer.KeySet()
	verify(t, before, published)
	verify(t, after, published)

	issuer.DropOldKeys()
	left := issuer.KeySet()
	verify(t, after, left)
	if len(left.Keys) != 1 || len(left.Key(keyID(t, before))) != 0 {
		t.Error("the old key is still published")
	}
}

func newIssuer(t *testing.T) *fakeissuer.Issuer {
	t.Helper()
	issuer, err := fakeissuer.New(issuerURL)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// verify checks a token with only the published keys and returns its claims.
func verify(t *testing.T, token string, keys jose.JSONWebKeySet) map[string]any {
	t.Helper()
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(keys)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func keyID(t *testing.T, token string) string {
	t.Helper()
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	return signed.Signatures[0].Protected.KeyID
}

func TestUsersAreThoseOfTheDemo(t *testing.T) {
	if want := []string{"alice", "bob", "carol", "dave", "erin"}; !slices.Equal(fakeissuer.Users(), want) {
		t.Errorf("got %v", fakeissuer.Users())
	}
}
