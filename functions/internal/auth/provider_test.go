package auth

import (
	"context"
	"crypto"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// TestRealProvider uses a certified OpenID provider, zitadel/oidc: discovery, key set and token are
// all its own.
func TestRealProvider(t *testing.T) {
	for alg, key := range map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: rsaA(), jose.PS384: rsaA(),
		jose.ES256: ec256(), jose.ES512: ec521(), jose.EdDSA: ed()} {
		t.Run(string(alg), func(t *testing.T) {
			provider := startProvider(t, &providerStorage{alg: alg, key: key, kid: "first"})
			var later time.Duration
			keys := newRemote(t,
				RemoteConfig{Issuer: provider.URL, Now: func() time.Time { return time.Now().Add(later) }})
			v := NewVerifier(Config{
				Issuer: provider.URL, Audiences: []string{"billing-api"}, RequiredScope: "billing",
				RequiredClaim: RequiredClaim{"https://example.com/roles", []string{"admin"}},
			}, keys)
			token := provider.token(t)
			caller, err := v.Verify(t.Context(), token)
			if err != nil || caller.UserID != "machine" {
				t.Fatalf("got %+v, %v", caller, err)
			}
			tampered := token[:len(token)-10] + "AAAAAAAAAA"
			_, err = v.Verify(t.Context(), tampered)
			expect(t, "a tampered signature", outcome(err), "bad signature")

			provider.storage.kid = "second"
			later = cooldown
			if _, err := v.Verify(t.Context(), provider.token(t)); err != nil {
				t.Errorf("after rotation: %v", err)
			}
		})
	}
}

type provider struct {
	*httptest.Server
	storage *providerStorage
}

func startProvider(t *testing.T, storage *providerStorage) provider {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer := "http://" + server.Listener.Addr().String()
	handler, err := op.NewProvider(&op.Config{AuthMethodPost: true}, storage,
		op.StaticIssuer(issuer), op.WithAllowInsecure())
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)
	return provider{server, storage}
}

// token requests an access token with the client credentials grant (RFC 6749, section 4.4).
func (p provider) token(t *testing.T) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"machine"}, "client_secret": {"any"},
		"scope": {"billing profile"}}
	resp, err := http.Post(p.URL+"/oauth/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("no token: %d, %v", resp.StatusCode, err)
	}
	return answer.AccessToken
}

// providerStorage implements the part of the provider's storage that this grant needs. The embedded
// nil interface stands for the rest.
type providerStorage struct {
	op.Storage
	alg jose.SignatureAlgorithm
	key crypto.Signer
	kid string
}

func (s *providerStorage) SigningKey(context.Context) (op.SigningKey, error) {
	return providerKey{*s, s.key}, nil
}

func (s *providerStorage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.alg}, nil
}

func (s *providerStorage) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{providerKey{*s, s.key.Public()}}, nil
}

func (s *providerStorage) ClientCredentials(_ context.Context, id, _ string) (op.Client, error) {
	return providerClient{id: id}, nil
}

func (s *providerStorage) ClientCredentialsTokenRequest(_ context.Context, id string,
	scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: id, Audience: []string{"billing-api"}, Scopes: scopes}, nil
}

func (s *providerStorage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return "token-id", time.Now().Add(time.Hour), nil
}

func (s *providerStorage) GetPrivateClaimsFromScopes(_ context.Context, _, _ string,
	scopes []string) (map[string]any, error) {
	return map[string]any{"https://example.com/roles": []string{"admin"}, "scp": scopes}, nil
}

type providerKey struct {
	providerStorage
	material any
}

func (k providerKey) ID() string                                  { return k.kid }
func (k providerKey) Use() string                                 { return "sig" }
func (k providerKey) Key() any                                    { return k.material }
func (k providerKey) Algorithm() jose.SignatureAlgorithm          { return k.alg }
func (k providerKey) SignatureAlgorithm() jose.SignatureAlgorithm { return k.alg }

type providerClient struct {
	op.Client
	id string
}

func (c providerClient) GetID() string                       { return c.id }
func (c providerClient) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodPost }
func (c providerClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (c providerClient) ClockSkew() time.Duration            { return 0 }
func (c providerClient) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}
func (c providerClient) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
func (c providerClient) IsScopeAllowed(string) bool { return true }
