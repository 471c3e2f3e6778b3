package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"billingportal/local/internal/oidc"
)

// A stranger who knows the issuer's URL alone finds what verifies its tokens.
func TestATokenIsVerifiedByDiscovery(t *testing.T) {
	var issuer *oidc.Issuer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.StripPrefix("/oidc", issuer).ServeHTTP(w, r)
	}))
	defer server.Close()
	issuer, err := oidc.New(server.URL + "/oidc")
	if err != nil {
		t.Fatal(err)
	}

	var metadata struct {
		Issuer  string   `json:"issuer"`
		JWKSURI string   `json:"jwks_uri"`
		Algs    []string `json:"id_token_signing_alg_values_supported"`
	}
	fetch(t, server.URL+"/oidc/.well-known/openid-configuration", &metadata)
	if want := server.URL + "/oidc"; metadata.Issuer != want {
		t.Errorf("issuer is %q, want %q", metadata.Issuer, want)
	}
	if len(metadata.Algs) != 1 || metadata.Algs[0] != "RS256" {
		t.Errorf("algorithms are %v", metadata.Algs)
	}
	var keys jose.JSONWebKeySet
	fetch(t, metadata.JWKSURI, &keys)
	for _, key := range keys.Keys {
		if !key.IsPublic() || key.KeyID == "" || key.Use != "sig" || key.Algorithm != "RS256" {
			t.Errorf("key %q: public %t, use %q, alg %q", key.KeyID, key.IsPublic(), key.Use, key.Algorithm)
		}
	}

	token, err := issuer.Token("alice", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := verify(t, token, keys)["iss"]; got != metadata.Issuer {
		t.Errorf("iss is %v", got)
	}
}

func TestUnknownPathsAreNotFound(t *testing.T) {
	for _, path := range []string{"/", "/authorize", "/.well-known/jwks.json"} {
		w := httptest.NewRecorder()
		newIssuer(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: status is %d", path, w.Code)
		}
	}
}

func fetch(t *testing.T, url string, document any) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: status %d, type %q", url, response.StatusCode, response.Header.Get("Content-Type"))
	}
	if got := response.Header.Get("Cache-Control"); !strings.Contains(got, "max-age=300") {
		t.Errorf("%s: Cache-Control is %q", url, got)
	}
	if err := json.NewDecoder(response.Body).Decode(document); err != nil {
		t.Fatal(err)
	}
}
