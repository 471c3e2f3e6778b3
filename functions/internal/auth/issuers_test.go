package auth

import (
	"context"
	"encoding/json"
	"testing"
	"time"
)

// An issuerShape is a token in the format that an issuer documents.
type issuerShape struct {
	name   string
	header m // alg and kid are added
	claims m // iat and exp are added
	cfg    Config
	user   string
}

func issuerShapes() []issuerShape {
	const cognito = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE00"
	return []issuerShape{
		{
			"Amazon Cognito access token: no typ, no aud, client_id",
			m{},
			m{"iss": cognito, "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
				"client_id": "1example23456789", "token_use": "access",
				"cognito:groups": []string{"billing-admins"},
				"scope":          "aws.cognito.signin.user.admin openid", "version": 2,
				"origin_jti": "x", "event_id": "x", "jti": "x", "username": "jane", "auth_time": now.Unix()},
			Config{Issuer: cognito, Audiences: []string{"1example23456789"}, RequiredScope: "openid",
				RequiredClaim: RequiredClaim{"cognito:groups", []string{"owners", "billing-admins"}}},
			"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
		},
		{
			"Amazon Cognito ID token: aud",
			m{},
			m{"iss": cognito, "sub": "u", "aud": "1example23456789", "token_use": "id", "email_verified": true,
				"cognito:username": "jane"},
			Config{Issuer: cognito, Audiences: []string{"1example23456789"}, UserClaim: "cognito:username"},
			"jane",
		},
		{
			"Clerk session token: no aud, azp, organization",
			m{"typ": "JWT", "cat": "cl_B7d4PD111AAA"},
			m{"iss": "https://clerk.app.example", "azp": "https://app.example", "sub": "user_2",
				"sid": "sess_2", "nbf": now.Unix() - 10,
				"org_id": "org_2", "org_role": "org:admin", "fva": []int{0, -1}},
			Config{Issuer: "https://clerk.app.example", Audiences: []string{"https://app.example"}, UserClaim: "org_id",
				RequiredClaim: RequiredClaim{"org_role", []string{"org:admin"}}},
			"org_2",
		},
		{
			"Auth0 access token, RFC 9068: at+jwt, list of audiences, namespaced roles",
			m{"typ": "at+jwt"},
			m{"iss": "https://tenant.eu.auth0.com/", "sub": "auth0|123456",
				"aud":   []string{"https://api.example", "https://tenant.eu.auth0.com/userinfo"},
				"scope": "openid billing:manage", "azp": "client", "client_id": "client", "jti": "x",
				"https://example.com/roles": []string{"admin"}},
			Config{Issuer: "https://tenant.eu.auth0.com/", Audiences: []string{"https://api.example"},
				RequiredScope: "billing:manage",
				RequiredClaim: RequiredClaim{"https://example.com/roles", []string{"admin"}}},
			"auth0|123456",
		},
		{
			"Okta access token: scp a list",
			m{},
			m{"iss": "https://dev.okta.com/oauth2/default", "aud": "api://default", "sub": "jane@example.com",
				"uid": "00u1", "cid": "0oa1",
				"scp": []string{"openid", "billing"}, "ver": 1, "jti": "AT.x"},
			Config{Issuer: "https://dev.okta.com/oauth2/default", Audiences: []string{"api://default"},
				UserClaim: "uid", RequiredScope: "billing"},
			"00u1",
		},
		{
			"Microsoft Entra ID: scp a string, roles, sub not used",
			m{"typ": "JWT", "x5t": "AAAAAAAAAAAAAAAAAAAAAAAAAAA"},
			m{"iss": "https://login.microsoftonline.com/tid/v2.0", "aud": "11111111-2222-3333-4444-555555555555",
				"oid": "oid-1", "tid": "tid",
				"scp": "access_as_user billing", "roles": []string{"Billing.Admin"}, "ver": "2.0", "nbf": now.Unix(),
				"azp": "x", "azpacr": "0"},
			Config{Issuer: "https://login.microsoftonline.com/tid/v2.0",
				Audiences: []string{"11111111-2222-3333-4444-555555555555"}, UserClaim: "oid",
				RequiredScope: "billing", RequiredClaim: RequiredClaim{"roles", []string{"Billing.Admin"}}},
			"oid-1",
		},
		{
			"Keycloak access token: typ within the claims, nbf 0, nested roles",
			m{"typ": "JWT"},
			m{"iss": "https://sso.example/realms/a", "aud": []string{"billing", "account"}, "sub": "f:1:jane",
				"typ": "Bearer", "azp": "web", "nbf": 0,
				"realm_access":    m{"roles": []string{"offline_access"}},
				"resource_access": m{"account": m{"roles": []string{"view-profile"}}},
				"scope":           "openid profile", "allowed-origins": []string{"https://app.example"}},
			Config{Issuer: "https://sso.example/realms/a", Audiences: []string{"billing"}, RequiredScope: "profile"},
			"f:1:jane",
		},
		{
			"Firebase ID token",
			m{"typ": "JWT"},
			m{"iss": "https://securetoken.google.com/project", "aud": "project", "sub": "uid", "user_id": "uid",
				"auth_time": now.Unix(),
				"firebase":  m{"identities": m{"email": []string{"j@example.com"}}, "sign_in_provider": "password"}},
			Config{Issuer: "https://securetoken.google.com/project", Audiences: []string{"project"}},
			"uid",
		},
		{
			"machine without sub",
			m{"typ": "at+jwt"},
			m{"iss": testIssuer, "aud": testAudience, "client_id": "machine-1"},
			Config{Issuer: testIssuer, Audiences: []string{testAudience}, UserClaim: "client_id"},
			"machine-1",
		},
	}
}

func TestShapesOfIssuersTokens(t *testing.T) {
	keys := staticKeys(t, jwk(rsaA(), m{"kid": "k", "alg": "RS256", "use": "sig"}))
	for _, c := range issuerShapes() {
		t.Run(c.name, func(t *testing.T) {
			header := c.header.with(m{"alg": "RS256", "kid": "k"})
			claims := c.claims.with(m{"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
			token := issue(header.String(), claims.String(), "RS256", rsaA())
			caller, err := newTestVerifier(c.cfg, keys).Verify(context.Background(), token)
			if err != nil || caller.UserID != c.user {
				t.Fatalf("got %+v, %v", caller, err)
			}
			otherwise := c.cfg
			otherwise.Audiences = []string{"another"}
			_, err = newTestVerifier(otherwise, keys).Verify(context.Background(), token)
			if got := outcome(err); got != "audience mismatch" {
				t.Errorf("for another audience: got %q", got)
			}
		})
	}
}

func TestRights(t *testing.T) {
	scope := Config{RequiredScope: "billing"}
	role := func(name string) Config {
		return Config{RequiredClaim: RequiredClaim{name, []string{"admin", "owner"}}}
	}
	value := func(v string) Config { return Config{RequiredClaim: RequiredClaim{"v", []string{v}}} }
	const noScope = "insufficient scope billing"
	for _, c := range []struct {
		rule   string
		cfg    Config
		claims m
		want   string
	}{
		{"one scope", scope, m{"scope": "billing"}, "accepted"},
		{"scope among others", scope, m{"scope": "openid billing profile"}, "accepted"},
		{"scope in a list", scope, m{"scope": []string{"openid", "billing"}}, "accepted"},
		{"scope in scp", scope, m{"scp": []string{"billing"}}, "accepted"},
		{"scope in scp's string", scope, m{"scp": "openid billing"}, "accepted"},
		{"scope in scp, scope has another", scope, m{"scope": "openid", "scp": []string{"billing"}}, "accepted"},
		{"no scope", scope, nil, noScope},
		{"another scope", scope, m{"scope": "openid"}, noScope},
		{"scope as part of another", scope, m{"scope": "billing:read xbilling"}, noScope},
		{"scope in another case", scope, m{"scope": "Billing"}, noScope},
		{"scope empty", scope, m{"scope": ""}, noScope},
		{"scope null", scope, m{"scope": nil}, noScope},
		{"scopes separated by commas", scope, m{"scope": "openid,billing"}, noScope},
		{"two scopes in one item", scope, m{"scp": []string{"openid billing"}}, noScope},
		{"a list that is not of strings", scope, m{"scp": []any{"billing", 1}}, noScope},
		{"scope an object", scope, m{"scope": m{"billing": true}}, noScope},

		{"role a string", role("org_role"), m{"org_role": "admin"}, "accepted"},
		{"role the second value", role("org_role"), m{"org_role": "owner"}, "accepted"},
		{"role in a list", role("roles"), m{"roles": []string{"member", "owner"}}, "accepted"},
		{"role in cognito:groups", role("cognito:groups"), m{"cognito:groups": []string{"admin"}}, "accepted"},
		{"role in https://example.com/roles", role("https://example.com/roles"),
			m{"https://example.com/roles": []string{"admin"}}, "accepted"},
		{"role in a name with dots", role("app.roles"), m{"app.roles": "admin"}, "accepted"},
		{"role at the end of a path", role("app.roles"), m{"app": m{"roles": "admin"}}, "accepted"},
		{"role in a list at the end of a path", role("realm_access.roles"),
			m{"realm_access": m{"roles": []string{"offline_access", "owner"}}}, "accepted"},
		{"role of a client", role("resource_access.web.roles"),
			m{"resource_access": m{"account": m{"roles": []string{"view-profile"}},
				"web": m{"roles": []string{"admin"}}}}, "accepted"},
		{"role of a client with dots", role("resource_access.com.example.web.roles"),
			m{"resource_access": m{"com.example.web": m{"roles": []string{"admin"}}}}, "accepted"},
		{"role of another client", role("resource_access.web.roles"),
			m{"resource_access": m{"account": m{"roles": []string{"admin"}}}},
			"insufficient role resource_access.web.roles"},
		{"a name with dots at the end of a path", role("app.https://example.com/roles"),
			m{"app": m{"https://example.com/roles": "admin"}}, "accepted"},
		{"the whole name before the path", role("app.roles"),
			m{"app.roles": "admin", "app": m{"roles": "member"}}, "accepted"},
		{"the whole name before a path that would do", role("app.roles"),
			m{"app.roles": "member", "app": m{"roles": "admin"}}, "insufficient role app.roles"},
		{"the whole name, null, before a path that would do", role("app.roles"),
			m{"app.roles": nil, "app": m{"roles": "admin"}}, "insufficient role app.roles"},
		{"two readings: the longer first name counts", role("a.b.c"),
			m{"a.b": m{"c": "admin"}, "a": m{"b.c": "member", "b": m{"c": "member"}}}, "accepted"},
		{"the longer first name has no match, a shorter one has", role("a.b.c"),
			m{"a.b": m{"x": "y"}, "a": m{"b": m{"c": "admin"}}}, "accepted"},
		{"a path through a string", role("app.roles"), m{"app": "admin"}, "insufficient role app.roles"},
		{"a path through a list", role("app.roles"), m{"app": []any{m{"roles": "admin"}}},
			"insufficient role app.roles"},
		{"a path through null", role("app.roles"), m{"app": nil}, "insufficient role app.roles"},
		{"a path through a number", role("app.roles"), m{"app": 1}, "insufficient role app.roles"},
		{"a path whose last name is missing", role("app.roles"), m{"app": m{}}, "insufficient role app.roles"},
		{"a value that is an object", role("app"), m{"app": m{"roles": "admin"}}, "insufficient role app"},
		{"a path in another case", role("app.roles"), m{"App": m{"roles": "admin"}}, "insufficient role app.roles"},
		{"a path with an empty name", role("app..roles"), m{"app": m{"": m{"roles": "admin"}}},
			"insufficient role app..roles"},
		{"a path that begins with a dot", role(".roles"), m{"": m{"roles": "admin"}}, "insufficient role .roles"},
		{"the scope is not looked up by a path", Config{RequiredScope: "billing"},
			m{"app": m{"scope": "billing"}}, noScope},
		{"no role", role("org_role"), nil, "insufficient role org_role"},
		{"another role", role("org_role"), m{"org_role": "member"}, "insufficient role org_role"},
		{"role in another case", role("org_role"), m{"org_role": "Admin"}, "insufficient role org_role"},
		{"claim in another case", role("org_role"), m{"ORG_ROLE": "admin"}, "insufficient role org_role"},
		{"role as part of another", role("org_role"), m{"org_role": "administrator"}, "insufficient role org_role"},
		{"roles in one string", role("org_role"), m{"org_role": "member admin"}, "insufficient role org_role"},
		{"values with the configuration's bar", role("org_role"), m{"org_role": "admin|owner"},
			"insufficient role org_role"},
		{"an empty list", role("roles"), m{"roles": []string{}}, "insufficient role roles"},
		{"a nested list", role("roles"), m{"roles": []any{[]string{"admin"}}}, "insufficient role roles"},
		{"a list with a number and a boolean", role("roles"), m{"roles": []any{1, true, "admin"}}, "accepted"},
		{"a list with null", role("roles"), m{"roles": []any{"admin", nil}}, "insufficient role roles"},
		{"a list with an object", role("roles"), m{"roles": []any{"admin", m{"admin": true}}},
			"insufficient role roles"},
		{"role true", role("admin"), m{"admin": true}, "insufficient role admin"},

		{"true", value("true"), m{"v": true}, "accepted"},
		{"false", value("false"), m{"v": false}, "accepted"},
		{"true as a string", value("true"), m{"v": "true"}, "accepted"},
		{"false where true is required", value("true"), m{"v": false}, "insufficient role v"},
		{"True where true is required", value("true"), m{"v": "True"}, "insufficient role v"},
		{"1 where true is required", value("true"), m{"v": 1}, "insufficient role v"},
		{"true where a string in quotes is required", value(`"true"`), m{"v": true}, "insufficient role v"},
		{"a string in quotes", value(`"true"`), m{"v": `"true"`}, "accepted"},
		{"true in a list", value("true"), m{"v": []any{false, true}}, "accepted"},
		{"true at the end of a path", Config{RequiredClaim: RequiredClaim{"app.email_verified", []string{"true"}}},
			m{"app": m{"email_verified": true}}, "accepted"},
		{"a number", value("42"), m{"v": 42}, "accepted"},
		{"a number as a string", value("42"), m{"v": "42"}, "accepted"},
		{"a number in a list", value("42"), m{"v": json.RawMessage("[ 7 , 42 ]")}, "accepted"},
		{"another number", value("42"), m{"v": 420}, "insufficient role v"},
		{"a number with a sign", value("-1"), m{"v": -1}, "accepted"},
		{"1.0 where 1 is required", value("1"), m{"v": json.RawMessage("1.0")}, "insufficient role v"},
		{"1e0 where 1 is required", value("1"), m{"v": json.RawMessage("1e0")}, "insufficient role v"},
		{"1 where 1.0 is required", value("1.0"), m{"v": 1}, "insufficient role v"},
		{"1.0", value("1.0"), m{"v": json.RawMessage("1.0")}, "accepted"},
		{"1E+2", value("1E+2"), m{"v": json.RawMessage("1E+2")}, "accepted"},
		{"every digit of a long number", value("9007199254740993"),
			m{"v": json.RawMessage("9007199254740993")}, "accepted"},
		{"a long number that differs in its last digit", value("9007199254740993"),
			m{"v": json.RawMessage("9007199254740992")}, "insufficient role v"},
		{"null", value("null"), m{"v": nil}, "insufficient role v"},
		{"null in a list", value("null"), m{"v": []any{nil}}, "insufficient role v"},
		{"null as a string", value("null"), m{"v": "null"}, "accepted"},
		{"an object", value("{}"), m{"v": m{}}, "insufficient role v"},
		{"a list's own text", value("[]"), m{"v": []any{}}, "insufficient role v"},
		{"no values configured", Config{RequiredClaim: RequiredClaim{Name: "org_role"}}, m{"org_role": ""},
			"insufficient role org_role"},
		{"an empty value configured", Config{RequiredClaim: RequiredClaim{"org_role", []string{""}}}, m{"org_role": ""},
			"insufficient role org_role"},

		{"scope and role", Config{
			RequiredScope: "billing", RequiredClaim: RequiredClaim{"org_role", []string{"admin"}},
		}, m{"scope": "billing", "org_role": "admin"}, "accepted"},
		{"scope without role", Config{
			RequiredScope: "billing", RequiredClaim: RequiredClaim{"org_role", []string{"admin"}},
		}, m{"scope": "billing"}, "insufficient role org_role"},
		{"role without scope", Config{RequiredScope: "billing",
			RequiredClaim: RequiredClaim{"org_role", []string{"admin"}}}, m{"org_role": "admin"}, noScope},
	} {
		t.Run(c.rule, func(t *testing.T) {
			cfg := c.cfg
			cfg.Issuer, cfg.Audiences = testIssuer, []string{testAudience}
			v := newTestVerifier(cfg, staticKeys(t, keyA()))
			_, err := v.Verify(context.Background(), es256("a", goodClaims().with(c.claims)))
			expect(t, "outcome", outcome(err), c.want)
		})
	}
}

func TestUsersAtTheEndOfAPath(t *testing.T) {
	for _, c := range []struct {
		rule, claim string
		claims      m
		want        string // the user, or the reason for a refusal
	}{
		{"a team", "o.id", m{"o": m{"id": "org_1", "rol": "admin"}}, "org_1"},
		{"escaped names", "o.id", m{"o": json.RawMessage(`{"\u0069d":"org_1"}`)}, "org_1"},
		{"the whole name first", "o.id", m{"o.id": "org_2", "o": m{"id": "org_1"}}, "org_2"},
		{"after other members", "o.id",
			m{"o": json.RawMessage(`{"a":{"id":"x"},"b":["id",{"id":"y"}],"id":"org_1"}`)}, "org_1"},
		{"no such member", "o.id", m{"o": m{"rol": "admin"}}, "no user"},
		{"through a string", "o.id", m{"o": "org_1"}, "no user"},
		{"to an object", "o.id", m{"o": m{"id": m{}}}, "no user"},
		{"a duplicate on the way", "o.id", m{"o": json.RawMessage(`{"id":"org_1","id":"org_2"}`)},
			"payload: duplicate member"},
		{"a duplicate elsewhere, and deep", "o.id",
			m{"o": m{"id": "org_1"}, "x": json.RawMessage(`[[{"y":{"z":1,"z":2}}]]`)}, "payload: duplicate member"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			cfg := testConfig()
			cfg.UserClaim = c.claim
			caller, err := newTestVerifier(cfg, staticKeys(t, keyA())).Verify(context.Background(),
				es256("a", goodClaims().with(c.claims)))
			got := caller.UserID
			if err != nil {
				got = outcome(err)
			}
			expect(t, "user", got, c.want)
		})
	}
}

// A caller without a genuine token does not learn which rights are required.
func TestRightsAreCheckedLast(t *testing.T) {
	cfg := testConfig()
	cfg.RequiredScope, cfg.RequiredClaim = "billing", RequiredClaim{"org_role", []string{"admin"}}
	v := newTestVerifier(cfg, staticKeys(t, keyA()))
	forged := issue(`{"alg":"ES256","kid":"a"}`, goodClaims().String(), "ES256", ec256B())
	_, err := v.Verify(context.Background(), forged)
	expect(t, "outcome", outcome(err), "bad signature")
}
