//go:build integration

package auth

import (
	"maps"
	"net/url"
	"testing"
	"time"

	"billingportal/functions/integrationtest"
)

// TestOIDCProvider uses a certified provider, oidc-provider, in its own process. It issues access
// tokens (RFC 9068), with a key of every kind that it has, all in one key set, and ID tokens.
// Discovery, keys and tokens are its own.
func TestOIDCProvider(t *testing.T) {
	provider := nodeProvider{integrationtest.OpenIDProvider(t, "oidc-provider")}
	// The path of the resource (RFC 8707) selects the algorithm of the token, and its query the
	// typ.
	machineToken := func(t *testing.T, resource string) string {
		return provider.post(t, "/token",
			url.Values{"grant_type": {"client_credentials"}, "scope": {"billing"}, "resource": {resource}}).AccessToken
	}
	verifier := func(t *testing.T, audience string, ahead *time.Duration) *Verifier {
		now := func() time.Time { return time.Now().Add(*ahead) }
		v := NewVerifier(Config{
			Issuer: provider.URL, Audiences: []string{audience}, RequiredScope: "billing",
			RequiredClaim: RequiredClaim{"https://example.com/roles", []string{"admin"}},
		}, newRemote(t, RemoteConfig{Issuer: provider.URL, Now: now}))
		v.Now = now
		return v
	}

	for _, alg := range []string{"RS256", "RS512", "PS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"} {
		t.Run("access token, "+alg, func(t *testing.T) {
			var ahead time.Duration
			v := verifier(t, "https://billing.example/"+alg, &ahead)
			token := machineToken(t, "https://billing.example/"+alg)
			header, claims := opened(t, token)
			expectMembers(t, header, m{"alg": alg, "typ": "at+jwt"})
			expectMembers(t, claims, m{"nbf": nil})
			caller, err := v.Verify(t.Context(), token)
			expect(t, "token", outcome(err), "accepted")
			expect(t, "user", caller.UserID, "machine")

			_, err = v.Verify(t.Context(), machineToken(t, "https://other.example/"+alg))
			expect(t, "token for another audience", outcome(err), "audience mismatch")
			_, err = v.Verify(t.Context(), token[:len(token)-10]+"AAAAAAAAAA")
			expect(t, "token with a changed signature", outcome(err), "bad signature")
			ahead = time.Hour + leeway + time.Second
			_, err = v.Verify(t.Context(), token)
			expect(t, "token that expired", outcome(err), "expired")
		})
	}

	for _, tt := range []struct {
		name, query string
		typ         any
		want        string
	}{
		{"no typ", "?typ=", nil, "accepted"},
		{"typ JWT", "?typ=JWT", "JWT", "accepted"},
		{"typ logout+jwt", "?typ=logout%2Bjwt", "logout+jwt", "typ not accepted"},
	} {
		t.Run("access token, "+tt.name, func(t *testing.T) {
			resource := "https://billing.example/ES256" + tt.query
			token := machineToken(t, resource)
			header, _ := opened(t, token)
			expectMembers(t, header, m{"typ": tt.typ})
			_, err := verifier(t, resource, new(time.Duration)).Verify(t.Context(), token)
			expect(t, "token", outcome(err), tt.want)
		})
	}

	t.Run("opaque access token", func(t *testing.T) {
		token := provider.post(t, "/token", url.Values{"grant_type": {"client_credentials"}}).AccessToken
		_, err := verifier(t, "machine", new(time.Duration)).Verify(t.Context(), token)
		expect(t, "token", outcome(err), "not three segments")
	})

	t.Run("access token and ID token of a user", func(t *testing.T) {
		const resource = "https://billing.example/PS256"
		request := provider.post(t, "/backchannel",
			url.Values{"login_hint": {"alice"}, "scope": {"openid billing"}, "resource": {resource}})
		tokens := provider.post(t, "/token", url.Values{
			"grant_type":  {"urn:openid:params:grant-type:ciba"},
			"auth_req_id": {request.AuthReqID}, "resource": {resource},
		})
		v := verifier(t, resource, new(time.Duration))
		caller, err := v.Verify(t.Context(), tokens.AccessToken)
		expect(t, "access token", outcome(err), "accepted")
		expect(t, "user of the access token", caller.UserID, "alice")
		_, err = v.Verify(t.Context(), tokens.IDToken)
		expect(t, "ID token instead of an access token", outcome(err), "audience mismatch")

		v = NewVerifier(Config{Issuer: provider.URL, Audiences: []string{"machine"}}, v.keys)
		caller, err = v.Verify(t.Context(), tokens.IDToken)
		expect(t, "ID token", outcome(err), "accepted")
		expect(t, "user of the ID token", caller.UserID, "alice")
	})

	t.Run("rotated keys", func(t *testing.T) {
		const resource = "https://billing.example/ES256"
		var ahead time.Duration
		v := verifier(t, resource, &ahead)
		before := machineToken(t, resource)
		_, err := v.Verify(t.Context(), before)
		expect(t, "token before", outcome(err), "accepted")

		provider.rotate(t)
		ahead = cooldown
		_, err = v.Verify(t.Context(), machineToken(t, resource))
		expect(t, "token after", outcome(err), "accepted")
		_, err = v.Verify(t.Context(), before)
		expect(t, "token signed with the removed key", outcome(err), "unknown key")
	})
}

// TestOAuth2MockServer uses oauth2-mock-server, whose tokens can be changed before it signs them,
// to issue tokens like those of other issuers.
func TestOAuth2MockServer(t *testing.T) {
	provider := nodeProvider{integrationtest.OpenIDProvider(t, "oauth2-mock-server")}
	keys := map[string]*RemoteKeySet{}
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		keys[alg] = newRemote(t, RemoteConfig{Issuer: provider.URL + "/" + alg})
	}
	type form = url.Values
	machine := form{"grant_type": {"client_credentials"}, "aud": {"billing-api"}, "scope": {"billing"}}
	user := form{"grant_type": {"password"}, "username": {"alice"}, "scope": {"billing"}}
	now := time.Now().Unix()

	for _, tt := range []struct {
		name   string
		form   form
		claims m // claims to set before signing; nil removes a claim
		cfg    Config
		want   string // the user, or the reason for a refusal
	}{
		{"no sub", machine, nil, Config{}, "no user"},
		{"no sub, another claim", machine, m{"client_id": "robot"}, Config{UserClaim: "client_id"}, "robot"},
		{"no aud", user, nil, Config{}, "no audience"},
		{"no aud, client_id (Amazon Cognito)", user, m{"client_id": "billing-api"}, Config{}, "alice"},
		{"no aud, another client_id", user, m{"client_id": "other", "azp": "billing-api"},
			Config{}, "audience mismatch"},
		{"no aud, azp (Clerk)", user, m{"azp": "billing-api"}, Config{}, "alice"},
		{"aud, list", user, m{"aud": []string{"other", "billing-api"}}, Config{}, "alice"},
		{"aud, another", user, m{"aud": "other", "client_id": "billing-api"}, Config{}, "audience mismatch"},
		{"no nbf", user, m{"aud": "billing-api", "nbf": nil}, Config{}, "alice"},
		{"nbf ahead", user, m{"aud": "billing-api", "nbf": now + 3600}, Config{}, "not valid yet"},
		{"no exp", user, m{"aud": "billing-api", "exp": nil}, Config{}, "no expiry"},
		{"exp past", user, m{"aud": "billing-api", "exp": now - 3600}, Config{}, "expired"},
		{"another issuer", user, m{"aud": "billing-api", "iss": "https://issuer.example"}, Config{}, "issuer mismatch"},
		{"scope", user, m{"aud": "billing-api"}, Config{RequiredScope: "billing"}, "alice"},
		{"scope missing", user, m{"aud": "billing-api"}, Config{RequiredScope: "bill"}, "insufficient scope bill"},
		{"groups (Amazon Cognito)", user, m{"aud": "billing-api", "cognito:groups": []string{"admins"}},
			Config{RequiredClaim: RequiredClaim{"cognito:groups", []string{"owners", "admins"}}}, "alice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			form := maps.Clone(tt.form)
			form.Set("change", tt.claims.String())
			for alg, keys := range keys {
				token := provider.post(t, "/"+alg+"/token", form).AccessToken
				header, claims := opened(t, token)
				expectMembers(t, header, m{"alg": alg, "typ": "JWT"})
				expectMembers(t, claims, tt.claims)

				cfg := tt.cfg
				cfg.Issuer, cfg.Audiences = provider.URL+"/"+alg, []string{"billing-api"}
				caller, err := NewVerifier(cfg, keys).Verify(t.Context(), token)
				got := caller.UserID
				if err != nil {
					got = outcome(err)
				}
				expect(t, alg, got, tt.want)
			}
		})
	}
}

// expectMembers checks that a token has the expected format. A member that is nil must be absent.
func expectMembers(t *testing.T, object, members m) {
	t.Helper()
	for name, want := range members {
		expect(t, name, m{name: object[name]}.String(), m{name: want}.String())
	}
}
