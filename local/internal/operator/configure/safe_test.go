package configure

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"billingportal/local/internal/fakeissuer"
)

var warningLine = regexp.MustCompile(`(?m)^WARNING: .*$`)

func TestConfigureRecommendsOnlyWhatIsSafe(t *testing.T) {
	keys := newSigner(t)
	base := func(changes map[string]any) map[string]any {
		claims := map[string]any{"iss": "https://tenant.example.com/", "aud": "api", "sub": "u"}
		maps.Copy(claims, changes)
		return claims
	}
	const rule = "email_verified=true"
	address := map[string]any{"sub": "jane@example.com"}
	for name, test := range map[string]struct {
		claims    map[string]any
		variables map[string]string
		warnings  []string          // one for each warning, in this order
		lines     map[string]string // that differ from those of base
	}{
		"no warning": {base(nil), nil, nil, nil},

		"Keycloak's account, and an API": {base(map[string]any{"aud": []string{"account", "billing"}}), nil,
			[]string{"the audience account"}, map[string]string{"JwtAudience": "billing"}},
		"only Keycloak's account": {base(map[string]any{"aud": "account"}), nil,
			[]string{"JWT_AUDIENCE must be the audience of your own API"}, map[string]string{"JwtAudience": "account"}},
		"Keycloak's other clients": {base(map[string]any{"aud": []string{"realm-management", "broker",
			"web"}}), nil, []string{"realm-management", "broker"}, map[string]string{"JwtAudience": "web"}},
		"Microsoft Graph's ID": {base(map[string]any{"aud": "00000003-0000-0000-C000-000000000000"}),
			nil, []string{"an API of the provider"},
			map[string]string{"JwtAudience": "00000003-0000-0000-C000-000000000000"}},
		"Azure AD Graph's ID, and an API": {base(map[string]any{"aud": []string{"00000002-0000-0000-c000-000000000000",
			"api://1"}}), nil, []string{"the audience 00000002"}, map[string]string{"JwtAudience": "api://1"}},
		"Microsoft Graph's address": {base(map[string]any{
			"aud": []string{"https://graph.microsoft.com/", "api://1"},
		}), nil, []string{"the audience https://graph.microsoft.com/"}, map[string]string{"JwtAudience": "api://1"}},
		"Microsoft Graph of a government": {base(map[string]any{"aud": []string{"https://dod-graph.microsoft.us",
			"api://1"}}), nil, []string{"dod-graph"}, map[string]string{"JwtAudience": "api://1"}},
		"Azure's management": {base(map[string]any{"aud": []string{"https://management.azure.com",
			"api://1"}}), nil, []string{"management.azure.com"}, map[string]string{"JwtAudience": "api://1"}},
		"an issuer's /userinfo": {base(map[string]any{"aud": []string{"https://tenant.example.com/oidc/" +
			"userinfo", "api"}}), nil, []string{"user information"}, nil},
		"only an issuer's /userinfo/": {base(map[string]any{"aud": "https://tenant.example.com/userinfo/"}),
			nil, []string{"JWT_AUDIENCE must be"},
			map[string]string{"JwtAudience": "https://tenant.example.com/userinfo/"}},
		"Auth0's management": {base(map[string]any{"aud": []string{"https://x.eu.auth0.com/api/v2/",
			"api"}}), nil, []string{"auth0.com/api/v2/"}, nil},
		"Auth0's management, its own domain": {base(map[string]any{"aud": []string{"https://tenant.example.com/api/" +
			"v2/", "api"}}), nil, []string{"api/v2"}, nil},
		"the issuer itself, and an API": {base(map[string]any{"aud": []string{"https://tenant.example.com",
			"api"}}), nil, []string{"the issuer itself"}, nil},
		"an API with version 2 tokens": {base(map[string]any{"aud": "https://api.example.com/api/v2"}), nil, nil,
			map[string]string{"JwtAudience": "https://api.example.com/api/v2"}},
		"configured with account": {base(map[string]any{"aud": []string{"account", "billing"}}),
			map[string]string{"JWT_AUDIENCE": "web, account"},
			[]string{"JWT_AUDIENCE must be the audience of your own API"},
			map[string]string{"JwtAudience": "web, account"}},
		"an address as sub": {base(address), nil, []string{rule}, map[string]string{}},
		"an address as sub, verified": {base(map[string]any{"sub": "jane@example.com", "email_verified": true}),
			nil, []string{rule}, map[string]string{"JwtRequiredClaim": rule}},
		"an address as sub, verified by text": {base(map[string]any{"sub": "jane@example.com",
			"email_verified": "true"}), nil, []string{rule}, map[string]string{"JwtRequiredClaim": rule}},
		"an address that is configured": {
			base(map[string]any{"email": "jane@example.com", "email_verified": true}),
			map[string]string{"JWT_USER_CLAIM": "email"},
			[]string{rule},
			map[string]string{"JwtUserClaim": "email", "JwtRequiredClaim": rule},
		},
		"an address as sub, not verified": {base(map[string]any{"sub": "jane@example.com",
			"email_verified": false}), nil, []string{rule}, map[string]string{}},
		"an address as sub, and a name": {base(map[string]any{"sub": "jane@example.com",
			"preferred_username": "jane", "username": "jane"}), nil,
			[]string{rule, "preferred_username"}, map[string]string{}},
		"an address as sub, and an ID": {base(map[string]any{"sub": "jane@example.com", "user_id": "u1"}), nil,
			nil, map[string]string{"JwtUserClaim": "user_id"}},
		"an address as sub, authentik's uid": {base(map[string]any{"sub": "jane@example.com", "uid": "random"}), nil,
			[]string{rule}, map[string]string{}},
		"Okta's uid": {base(map[string]any{"sub": "jane", "uid": "00u1", "cid": "0oa1"}), nil,
			nil, map[string]string{"JwtUserClaim": "uid"}},
		"an address next to sub": {base(map[string]any{"email": "jane@example.com",
			"email_verified": false}), nil, nil, map[string]string{}},
		"an address within an identifier": {base(map[string]any{"sub": "samlp|acme|jane@example.com"}), nil,
			nil, map[string]string{}},
		"an address configured": {base(map[string]any{"email": "jane@example.com"}),
			map[string]string{"JWT_USER_CLAIM": "email"}, []string{rule}, map[string]string{"JwtUserClaim": "email"}},
		"only an address": {base(map[string]any{"sub": nil, "email": "jane@example.com"}), nil,
			[]string{"no subject", rule}, map[string]string{"JwtUserClaim": "email"}},
		"a numeric subject, and an address": {base(map[string]any{
			"sub": 17, "email": "jane@example.com", "email_verified": true,
		}), nil, []string{"is a number (17)", rule},
			map[string]string{"JwtUserClaim": "email", "JwtRequiredClaim": rule}},
		"only a name": {base(map[string]any{"sub": nil, "username": "jane"}), nil,
			[]string{"no subject", "a name"}, map[string]string{"JwtUserClaim": "username"}},
		"a user claim that users write": {base(map[string]any{"nickname": "jane"}),
			map[string]string{"JWT_USER_CLAIM": "nickname"}, []string{
				"anyone can open the billing of anyone else", "nickname",
			}, map[string]string{"JwtUserClaim": "nickname"}},
		"a user claim within metadata": {base(map[string]any{"user_metadata": map[string]any{"id": "1"}}),
			map[string]string{
				"JWT_USER_CLAIM": "user_metadata.id",
			}, []string{"users can write user_metadata.id", "user_metadata"},
			map[string]string{"JwtUserClaim": "user_metadata.id"}},
		"a role that users write, configured": {base(map[string]any{"user_metadata": map[string]any{"role": "admin"}}),
			map[string]string{
				"JWT_REQUIRED_CLAIM": "user_metadata.role=admin",
			}, []string{"JWT_REQUIRED_CLAIM protects nothing", "user_metadata"},
			map[string]string{"JwtRequiredClaim": "user_metadata.role=admin"}},
		"claims that users write": {base(map[string]any{"name": "J", "picture": "p", "website": "w",
			"profile": "p", "https://example.com/nickname": "n", "custom:role": "admin"}), nil,
			[]string{"custom:role, https://example.com/nickname, name, picture, profile, website"}, nil},
		"metadata of several providers": {base(map[string]any{"unsafe_metadata": map[string]any{"role": "a"},
			"unsafeMetadata":                        map[string]any{},
			"https://stytch.com/untrusted_metadata": map[string]any{"roles": []string{"a"}}, "raw_user_meta_data": "x",
			"traits": map[string]any{"role": "a"}}), nil, []string{
			"https://stytch.com/untrusted_metadata, raw_user_meta_data, traits, unsafeMetadata, unsafe_metadata",
		}, nil},
		"a tenant as the user": {base(map[string]any{
			"iss": "https://sts.example.com/t-1/", "tid": "t-1",
		}), map[string]string{"JWT_USER_CLAIM": "tid"}, []string{"all users share one customer"},
			map[string]string{"JwtUserClaim": "tid", "JwtIssuer": "https://sts.example.com/t-1/"}},
		"a machine's token": {base(map[string]any{"sub": "client-1", "azp": "client-1"}), nil,
			[]string{"this is the token of a machine"}, nil},
		"a machine's token of Auth0": {base(map[string]any{"sub": "client-1@clients"}), nil, nil, nil},
		"a name of a team that users write": {base(map[string]any{"org_id": "o1", "name": "x"}),
			nil, []string{"name"}, nil},
		"a claim whose name matches by chance": {base(map[string]any{"org": map[string]any{"name": "Acme"}}),
			nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			variables := map[string]string{"JWT_JWKS": keys.jwks}
			maps.Copy(variables, test.variables)
			output, err := configure(t, keys.sign(t, test.claims), variables, false)
			if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			warnings := warningLine.FindAllString(output, -1)
			for i, warning := range warnings {
				if i < len(test.warnings) && !strings.Contains(warning, test.warnings[i]) {
					t.Errorf("warning %d is %q, not of %q", i, warning, test.warnings[i])
				}
			}
			if len(warnings) != len(test.warnings) {
				t.Errorf("warnings: %q", warnings)
			}
			lines := map[string]string{"JwtIssuer": "https://tenant.example.com/", "JwtAudience": "api"}
			maps.Copy(lines, test.lines)
			if got := parametersIn(output); !maps.Equal(got, lines) {
				t.Errorf("lines = %v, want %v", got, lines)
			}
			for _, claim := range []string{"user_metadata", "unsafe_metadata", "untrusted_metadata", "traits",
				"custom:role", "nickname"} {
				if regexp.MustCompile(`(?m)^  \S*` + claim + `\S* +`).MatchString(output) {
					t.Errorf("%s is a candidate:\n%s", claim, output)
				}
			}
			requireAccepted(t, keys, test.claims, parametersIn(output))
		})
	}
}

// requireAccepted fails unless the portal's verifier accepts a token with the lines that were
// printed for it.
func requireAccepted(t *testing.T, keys *signer, claims map[string]any, lines map[string]string) {
	t.Helper()
	variables := map[string]string{"JWT_JWKS": keys.jwks}
	for _, name := range tokenVariables {
		if value, ok := lines[ParameterName(name)]; ok {
			variables[name] = value
		}
	}
	output, err := configure(t, keys.sign(t, claims), variables, false)
	if err != nil || !strings.Contains(output, "ACCEPTED") || !maps.Equal(parametersIn(output), lines) {
		t.Errorf("the lines that were printed: %v\n%s", err, output)
	}
}

// For a token of another API, configure says to change the sign-in. It never prints settings that
// accept the token.
func TestConfigureKeepsTheAudienceOfTheAPI(t *testing.T) {
	keys := newSigner(t)
	for _, audience := range []string{"account", "https://graph.microsoft.com", "https://tenant.example.com/userinfo"} {
		token := keys.sign(t, map[string]any{"iss": "https://tenant.example.com/", "aud": audience, "sub": "u"})
		output, err := configure(t, token, map[string]string{"JWT_JWKS": keys.jwks, "JWT_AUDIENCE": "billing"}, false)
		if err == nil || !strings.Contains(output, "REFUSED: audience mismatch") ||
			!strings.Contains(output, "That is not your API: request a token for your API at sign-in.") {
			t.Errorf("%s: %v\n%s", audience, err, output)
		}
		if lines := parametersIn(output); len(lines) != 0 {
			t.Errorf("%s: %v", audience, lines)
		}
	}
}

// A shell and a TOML reader read the printed values unchanged.
func TestConfigurePrintsLinesThatCanBePasted(t *testing.T) {
	keys := newSigner(t)
	for _, value := range []string{"api", `a'b`, `a"b`, `a\b`, "$(touch/tmp/x)", "`id`", "a;b&c|d", "~", "*", "a=b",
		"!x", "#x", "(x)", "<x>", `\u001b`} {
		token := keys.sign(t, map[string]any{"iss": "https://tenant.example.com/", "aud": value, "sub": "u"})
		output, err := configure(t, token, map[string]string{"JWT_JWKS": keys.jwks}, false)
		if err != nil {
			t.Errorf("%q: %v\n%s", value, err, output)
			continue
		}
		// A TOML basic string with these escapes is also a Go string.
		if got, err := strconv.Unquote(`"` + parametersIn(output)["JwtAudience"] + `"`); err != nil || got != value {
			t.Errorf("%q: the parameter is %q, %v", value, got, err)
		}
		command := regexp.MustCompile(
			`(?m)^  (JWT_ISSUER=.*) go run \./local --everyone alice$`).FindStringSubmatch(output)
		if command == nil {
			t.Errorf("%q: no command in\n%s", value, output)
			continue
		}
		environment, err := exec.CommandContext(t.Context(), "sh", "-c", command[1]+" env").Output()
		if err != nil {
			t.Errorf("%q: %v", value, err)
		}
		for _, want := range []string{"JWT_AUDIENCE=" + value, "JWT_ISSUER=https://tenant.example.com/",
			"ALLOWED_ORIGINS=http://localhost:3000", "DEFAULT_RETURN_URL=http://localhost:3000/"} {
			if !slices.Contains(strings.Split(string(environment), "\n"), want) {
				t.Errorf("%q: the shell does not set %q", value, want)
			}
		}
	}
}

// namesOfIssuers serves the discovery documents and keys of several issuers:
// /a/.well-known/openid-configuration and /a/keys.
func namesOfIssuers(t *testing.T, keySets map[string]jose.JSONWebKeySet) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		issuer := "http://" + r.Host + "/" + name
		if name == "liar" {
			issuer = "http://" + r.Host + "/old" // which is not the name that was asked for
		}
		set, ok := keySets[name]
		switch {
		case !ok:
			http.NotFound(w, r)
		case rest == ".well-known/openid-configuration":
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": issuer, "jwks_uri": issuer + "/keys",
				"end_session_endpoint": hostile})
		case rest == "keys":
			_ = json.NewEncoder(w).Encode(set)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestConfigureProposesAnAliasOnlyForACommonKey(t *testing.T) {
	ours, theirs := newIssuer(t, "http://127.0.0.1"), newIssuer(t, "http://127.0.0.1")
	both := jose.JSONWebKeySet{Keys: append(theirs.KeySet().Keys, ours.KeySet().Keys...)}
	origin := namesOfIssuers(t, map[string]jose.JSONWebKeySet{
		"liar": ours.KeySet(), "old": ours.KeySet(), "new": ours.KeySet(), "other": theirs.KeySet(),
		"copied": both, // another issuer, which also publishes our public keys
	})
	oldKeys, err := json.Marshal(ours.KeySet())
	if err != nil {
		t.Fatal(err)
	}
	hour := map[string]any{}
	past := map[string]any{"iat": time.Now().Add(-2 * time.Hour).Unix(), "exp": time.Now().Add(-time.Hour).Unix()}
	for name, test := range map[string]struct {
		signer    *fakeissuer.Issuer
		issuer    string
		claims    map[string]any
		variables map[string]string
		offline   bool
		alias     string // the printed JwtIssuerAliases
		issuers   string // the printed JwtIssuer
		want      string
	}{
		"a common key": {ours, "/new", hour, nil, false, "/new", "/old",
			"Both names publish the key that signed this token"},
		"a common key, and inline keys": {ours, "/new", hour, map[string]string{"JWT_JWKS": string(oldKeys)}, false,
			"/new", "/old", "Both names publish"},
		"a common key, and their address": {ours, "/new", hour, map[string]string{"JWT_JWKS_URL": origin + "/old/keys"},
			false, "/new", "/old", "Both names publish"},
		"a common key, expired": {ours, "/new", past, nil, false, "/new", "/old", "Both names publish"},
		"a common key, an audience too": {ours, "/new", map[string]any{"aud": "web"}, nil, false, "/new", "/old",
			"The next rule: audience mismatch. JWT_AUDIENCE is api; the token is for web."},
		"a further name": {ours, "/new", hour, map[string]string{
			"JWT_ISSUER_ALIASES": "https://a.example",
		}, false, "https://a.example,/new", "/old", "Both names publish"},
		"four names already": {ours, "/new", hour, map[string]string{
			"JWT_ISSUER_ALIASES": "https://a.example,https://b.example,https://c.example,https://d.example",
		}, false, "https://a.example,https://b.example,https://c.example,https://d.example",
			"/new", "already has 4 names"},
		"no common key": {theirs, "/other", hour, nil, false, "", "/other",
			"the same user ID may be another person"},
		"a copied key": {theirs, "/copied", hour, nil, false, "", "/copied",
			"the same user ID may be another person"},
		"no document of the old name": {ours, "/new", hour, map[string]string{"JWT_ISSUER": origin + "/gone"}, false,
			"", "/new", "the same user ID may be another person"},
		"a document of another name": {ours, "/new", hour, map[string]string{"JWT_ISSUER": origin + "/liar"}, false,
			"", "/new", "the same user ID may be another person"},
		"no document of the new name": {ours, "/gone", hour, nil, false, "", "/gone",
			"the same user ID may be another person"},
		"a common key, offline": {ours, "/new", hour, nil, true, "", "/new",
			"as far as can be seen without fetching anything"},
	} {
		t.Run(name, func(t *testing.T) {
			claims := map[string]any{"iss": origin + test.issuer, "aud": "api"}
			maps.Copy(claims, test.claims)
			token, err := test.signer.Token("alice", claims, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			variables := map[string]string{"JWT_ISSUER": origin + "/old", "JWT_AUDIENCE": "api"}
			maps.Copy(variables, test.variables)
			output, err := configure(t, token, variables, test.offline)
			if err == nil || !strings.Contains(output, "REFUSED: issuer mismatch") ||
				!strings.Contains(output, test.want) {
				t.Errorf("%v\n%s", err, output)
			}
			requirePrintable(t, output)
			if isCommon := strings.Contains(output, "Both names publish"); isCommon == strings.Contains(output,
				"do not both publish") {
				t.Errorf("it says that the names have a common key, and that they have none:\n%s", output)
			}
			lines := parametersIn(output)
			alias := strings.ReplaceAll(strings.ReplaceAll(lines["JwtIssuerAliases"], origin, ""), "JwtIssuer", "")
			if alias != test.alias || lines["JwtIssuer"] != origin+test.issuers {
				t.Errorf("lines = %v", lines)
			}
		})
	}
}

// With aliases, a token is checked with the keys of the issuer name that it carries.
func TestConfigureJudgesByTheNameThatATokenCarries(t *testing.T) {
	names := []*fakeissuer.Issuer{}
	keySets := map[string]jose.JSONWebKeySet{}
	for _, name := range []string{"one", "two"} {
		issuer := newIssuer(t, "http://127.0.0.1")
		names, keySets[name] = append(names, issuer), issuer.KeySet()
	}
	origin := namesOfIssuers(t, keySets)
	variables := map[string]string{"JWT_ISSUER": origin + "/one",
		"JWT_ISSUER_ALIASES": origin + "/two", "JWT_AUDIENCE": "api"}
	for name, test := range map[string]struct {
		signer    int
		issuer    string
		variables map[string]string
		want      string
	}{
		"the issuer":            {0, "/one", nil, "ACCEPTED"},
		"the alias":             {1, "/two", nil, "ACCEPTED"},
		"the alias, other keys": {0, "/two", nil, "REFUSED: unknown key"},
		"neither":               {1, "/three", nil, "with the aliases " + origin + "/two"},
		"aliases that are wrong": {0, "/one",
			map[string]string{"JWT_ISSUER_ALIASES": origin + "/one"}, "JWT_ISSUER_ALIASES"},
		"a loopback in live mode": {0, "/one", map[string]string{"STRIPE_LIVEMODE": "true"},
			"JWT_ISSUER_ALIASES must not be of a loopback host"},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := names[test.signer].Token("alice",
				map[string]any{"iss": origin + test.issuer, "aud": "api"}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			set := maps.Clone(variables)
			maps.Copy(set, test.variables)
			output, err := configure(t, token, set, false)
			if err != nil {
				output += err.Error()
			}
			if !strings.Contains(output, test.want) || (err == nil) != (test.want == "ACCEPTED") {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}
