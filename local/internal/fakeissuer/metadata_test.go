package fakeissuer_test

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"billingportal/local/internal/fakeissuer"
)

// A verifier that knows only the URL of the issuer can find the keys of its tokens.
func TestVerificationByDiscovery(t *testing.T) {
	var issuer *fakeissuer.Issuer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.StripPrefix("/oidc", issuer).ServeHTTP(w, r)
	}))
	defer server.Close()
	issuer, err := fakeissuer.New(server.URL + "/oidc")
	if err != nil {
		t.Fatal(err)
	}

	url := server.URL + "/oidc"
	var metadata map[string]any
	fetch(t, url+"/.well-known/openid-configuration", &metadata)
	// These are all members that OpenID Connect Discovery 1.0, section 3, requires of an issuer
	// without a login.
	if want := map[string]any{
		"issuer": url, "jwks_uri": url + "/jwks.json", "token_endpoint": url + "/token",
		"response_types_supported": []any{"token"}, "subject_types_supported": []any{"public"},
		"id_token_signing_alg_values_supported": []any{"RS256"},
	}; !reflect.DeepEqual(metadata, want) {
		t.Errorf("metadata %v, want %v", metadata, want)
	}
	if err := issuer.Rotate(); err != nil {
		t.Fatal(err)
	}
	var published struct{ Keys []map[string]any }
	fetch(t, url+"/jwks.json", &published)
	var keys jose.JSONWebKeySet
	fetch(t, url+"/jwks.json", &keys)
	if len(published.Keys) != 2 || len(keys.Keys) != 2 {
		t.Fatalf("the key set has %d keys", len(published.Keys))
	}
	for i, key := range published.Keys {
		// The members of a public RSA key (RFC 7518, section 6.3.1), and no others.
		if members := slices.Sorted(maps.Keys(key)); !slices.Equal(members,
			[]string{"alg", "e", "kid", "kty", "n", "use"}) {
			t.Errorf("a key has %v", members)
		}
		thumbprint, err := keys.Keys[i].Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if key["kty"] != "RSA" || key["use"] != "sig" || key["alg"] != "RS256" ||
			key["kid"] != base64.RawURLEncoding.EncodeToString(thumbprint) {
			t.Errorf("the published key is %v", key)
		}
	}

	token, err := issuer.Token("alice", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := verify(t, token, keys)["iss"]; got != url {
		t.Errorf("iss is %v", got)
	}
	header, err := base64.RawURLEncoding.DecodeString(token[:strings.IndexByte(token, '.')])
	if want := `{"alg":"RS256","kid":"` + keys.Keys[0].KeyID + `","typ":"JWT"}`; err != nil || string(header) != want {
		t.Errorf("the token's header is %s, want %s", header, want)
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
	if got := response.Header.Get("Cache-Control"); got != "public, max-age=300" {
		t.Errorf("%s: Cache-Control is %q", url, got)
	}
	if err := json.NewDecoder(response.Body).Decode(document); err != nil {
		t.Fatal(err)
	}
}
