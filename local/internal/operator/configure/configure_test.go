package configure

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakeissuer"
)

// recordedToken is a token as a provider makes it, and the settings that configure finds for it.
type recordedToken struct {
	Provider, Kind string
	Header         map[string]any
	Claims         map[string]any
	Lines          map[string]string // for samconfig.toml
	User           string            // the user that the portal finds in it
	Team           string            // the claim that names a team
	Role           string            // a JWT_REQUIRED_CLAIM that accepts it
}

func recordedTokens(t *testing.T) []recordedToken {
	t.Helper()
	text, err := os.ReadFile("testdata/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	var tokens []recordedToken
	if err := json.Unmarshal(text, &tokens); err != nil {
		t.Fatal(err)
	}
	return tokens
}

// signer signs tokens of any issuer with its own keys.
type signer struct {
	*fakeissuer.Issuer
	jwks string
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	issuer := newIssuer(t, "https://issuer.example.com")
	jwks, err := json.Marshal(issuer.KeySet())
	if err != nil {
		t.Fatal(err)
	}
	return &signer{issuer, string(jwks)}
}

// newIssuer returns an issuer with a new key.
func newIssuer(t *testing.T, url string) *fakeissuer.Issuer {
	t.Helper()
	issuer, err := fakeissuer.New(url)
	if err != nil {
		t.Fatal(err)
	}
	if err := issuer.Rotate(); err != nil {
		t.Fatal(err)
	}
	issuer.DropOldKeys()
	return issuer
}

// sign returns a token with exactly these claims, valid for an hour.
func (s *signer) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	claims = maps.Clone(claims)
	for _, own := range []string{"iss", "sub", "aud", "scope", "email", "name", "azp", "client_id"} {
		if _, ok := claims[own]; !ok {
			claims[own] = nil // null removes a claim of the issuer
		}
	}
	token, err := s.Token("alice", claims, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// configure runs the command, and returns its output.
func configure(t *testing.T, pasted string, variables map[string]string, offline bool) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := configuration{getenv: func(name string) string { return variables[name] }, now: time.Now(),
		offline: offline, out: &out}
	err := c.run(t.Context(), pasted)
	for segment := range strings.SplitSeq(strings.TrimSpace(pasted), ".") {
		if len(segment) > 20 && strings.Contains(out.String(), segment) {
			t.Errorf("a part of the token was printed: %s", &out)
		}
	}
	return out.String(), err
}

var parameterLine = regexp.MustCompile(`(?m)^  (Jwt\w+)="(.*)"$`)

func parametersIn(output string) map[string]string {
	found := map[string]string{}
	for _, match := range parameterLine.FindAllStringSubmatch(output, -1) {
		found[match[1]] = match[2]
	}
	return found
}

func TestConfigureKnowsTheTokensOfProviders(t *testing.T) {
	keys := newSigner(t)
	for _, recorded := range recordedTokens(t) {
		t.Run(recorded.Provider+", "+recorded.Kind, func(t *testing.T) {
			token := keys.sign(t, recorded.Claims)
			output, err := configure(t, token, map[string]string{"JWT_JWKS": keys.jwks}, false)
			if err != nil || !strings.Contains(output, "ACCEPTED") {
				t.Fatalf("%v\n%s", err, output)
			}
			if got := parametersIn(output); !maps.Equal(got, recorded.Lines) {
				t.Errorf("lines = %v, want %v", got, recorded.Lines)
			}
			claim, value, _ := strings.Cut(recorded.Role, "=")
			for _, candidate := range []string{recorded.Team, claim} {
				if candidate != "" &&
					!regexp.MustCompile(`(?m)^  `+regexp.QuoteMeta(candidate)+` +`).MatchString(output) {
					t.Errorf("%s is no candidate:\n%s", candidate, output)
				}
			}
			requireTaken(t, token, keys.jwks, recorded.Lines, recorded.User, recorded.Role)
			if recorded.Team != "" {
				lines := maps.Clone(recorded.Lines)
				lines["JwtUserClaim"] = recorded.Team
				requireTaken(t, token, keys.jwks, lines, teamOf(recorded), "")
			}
			if value != "" {
				refused, err := configure(t, token,
					map[string]string{"JWT_JWKS": keys.jwks, "JWT_REQUIRED_CLAIM": claim + "=nobody"}, false)
				if !errors.Is(err, errRefused) || !strings.Contains(refused, "REFUSED: token's claim") {
					t.Errorf("a role that it has not: %v\n%s", err, refused)
				}
			}
		})
	}
}

// The table of providers in the documents matches the claims that configure finds in their tokens.
func TestTheRecipesMatchTheTokens(t *testing.T) {
	text, err := os.ReadFile("../../../../infra/IDENTITY-PROVIDERS.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 8 {
			provider := strings.TrimSpace(cells[1])
			rows[provider] = append(rows[provider], line)
		}
	}
	upper := regexp.MustCompile(`[A-Z]+(?:-[A-Z]+)?`) // placeholders for the values of one customer of the provider
	for _, recorded := range recordedTokens(t) {
		issuer, host := recorded.Lines["JwtIssuer"], strings.SplitAfterN(recorded.Lines["JwtIssuer"], "/", 4)
		if named := slices.ContainsFunc(rows[recorded.Provider], func(row string) bool {
			for _, span := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(strings.Split(row, "|")[3], -1) {
				if regexp.MustCompile("^" + upper.ReplaceAllString(regexp.QuoteMeta(span[1]), "[^/]+") +
					"$").MatchString(issuer) {
					return true
				}
			}
			return false
		}); !named && len(host) > 3 && host[3] != "" {
			t.Errorf("%s, %s: no row has the issuer %s", recorded.Provider, recorded.Kind, issuer)
		}
		user := recorded.Lines["JwtUserClaim"]
		if user == "" {
			user = "sub"
		}
		role, _, _ := strings.Cut(recorded.Role, "=")
		fits := slices.ContainsFunc(rows[recorded.Provider], func(row string) bool {
			for _, claim := range []string{user, recorded.Team, role} {
				if claim != "" && !strings.Contains(row, "`"+claim+"`") {
					return false
				}
			}
			return true
		})
		if !fits {
			t.Errorf("%s, %s: no row has its claims %q, %q, %q", recorded.Provider, recorded.Kind,
				user, recorded.Team, role)
		}
	}
}

// teamOf returns the value of the claim that names the team.
func teamOf(recorded recordedToken) string {
	claims, name := recorded.Claims, recorded.Team
	if outer, inner, isPath := cutLast(name, "."); isPath && claims[name] == nil {
		claims, _ = claims[outer].(map[string]any)
		name = inner
	}
	text, _ := claims[name].(string)
	return text
}

func cutLast(text, separator string) (before, after string, found bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}

// requireTaken fails unless the portal, with the printed lines, finds this user in the token.
func requireTaken(t *testing.T, token, jwks string, lines map[string]string, user, role string) {
	t.Helper()
	env := map[string]string{"JWT_JWKS": jwks, "JWT_REQUIRED_CLAIM": role}
	for _, name := range tokenVariables {
		t.Setenv(name, cmp.Or(lines[ParameterName(name)], env[name]))
	}
	l, logs := devservertest.Start(t, func(l *devserver.Server) {
		if err := l.DynamoDB.Put(devserver.CustomersTable,
			map[string]any{"user_id": user, "customer_id": "cus_DemoAlice"}); err != nil {
			t.Fatal(err)
		}
	})
	if response, _ := l.Post(t, "", nil,
		map[string]string{"Authorization": "Bearer " + token}); response.StatusCode != http.StatusSeeOther {
		t.Errorf("the portal answers %d: %s", response.StatusCode, logs)
	}
}

func TestConfigureNamesTheRuleThatRefuses(t *testing.T) {
	keys := newSigner(t)
	claims := map[string]any{"iss": "https://tenant.example.com/", "aud": "api", "sub": "u", "scope": "openid"}
	token := keys.sign(t, claims)
	other := newSigner(t)
	expired := keys.sign(t, map[string]any{"iss": "https://tenant.example.com/", "aud": "api", "sub": "u",
		"iat": time.Now().Add(-2 * time.Hour).Unix(), "exp": time.Now().Add(-time.Hour).Unix()})
	for name, test := range map[string]struct {
		token     string
		variables map[string]string
		want      []string
		lines     map[string]string // "": any
	}{
		"the last slash": {
			token, map[string]string{"JWT_ISSUER": "https://tenant.example.com"},
			[]string{"REFUSED: issuer mismatch", "differ in the last slash"},
			map[string]string{"JwtIssuer": "https://tenant.example.com/", "JwtAudience": "api"},
		},
		"upper case": {token, map[string]string{"JWT_ISSUER": "https://Tenant.example.com/"},
			[]string{"issuer mismatch", "upper and lower case"}, nil},
		"another issuer": {token, map[string]string{"JWT_ISSUER": "https://other.example.com/"},
			[]string{"issuer mismatch", "set JWT_ISSUER to the token's"}, nil},
		"another audience": {
			token, map[string]string{"JWT_AUDIENCE": "web"},
			[]string{"REFUSED: audience mismatch", "JWT_AUDIENCE is web; the token is for api"},
			map[string]string{"JwtIssuer": "https://tenant.example.com/", "JwtAudience": "api"},
		},
		"no such claim": {
			token, map[string]string{"JWT_USER_CLAIM": "oid"}, []string{"REFUSED: no user", "The token has no oid"},
			map[string]string{"JwtIssuer": "https://tenant.example.com/", "JwtAudience": "api", "JwtUserClaim": "sub"},
		},
		"a scope": {token, map[string]string{"JWT_REQUIRED_SCOPE": "billing"},
			[]string{`token lacks the scope "billing"`, "Its scopes are: openid"}, nil},
		"another key": {token, map[string]string{"JWT_JWKS": other.jwks},
			[]string{"REFUSED: unknown key", "another tenant"}, nil},
		"expired": {expired, nil,
			[]string{"EXPIRED. Apart from that the portal accepts it", "60 minutes ago"}, nil},
		"expired and other": {expired, map[string]string{"JWT_AUDIENCE": "web"},
			[]string{"REFUSED: audience mismatch"}, nil},
		"variables are wrong": {token, map[string]string{"JWT_REQUIRED_CLAIM": "role"},
			[]string{"JWT_REQUIRED_CLAIM must be"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			variables := map[string]string{"JWT_JWKS": keys.jwks}
			maps.Copy(variables, test.variables)
			output, err := configure(t, test.token, variables, false)
			if err == nil {
				t.Errorf("taken:\n%s", output)
			}
			for _, want := range test.want {
				if !strings.Contains(output+commandtest.Said(err), want) {
					t.Errorf("nothing of %q in:\n%s", want, output)
				}
			}
			if got := parametersIn(output); test.lines != nil && !maps.Equal(got, test.lines) {
				t.Errorf("lines = %v", got)
			}
		})
	}
}

// Configure finds the keys of a real server: by discovery, without discovery, and not at all.
func TestConfigureFindsTheKeys(t *testing.T) {
	var keys *fakeissuer.Issuer
	places := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !places[r.URL.Path]:
			http.NotFound(w, r)
		case strings.HasSuffix(r.URL.Path, "jwks.json"):
			_ = json.NewEncoder(w).Encode(keys.KeySet())
		default:
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "http://" + r.Host + "/",
				"jwks_uri": "http://" + r.Host + "/keys/jwks.json"})
		}
	}))
	t.Cleanup(server.Close)
	for name, test := range map[string]struct {
		issuer string // the path on the server
		places []string
		want   string
		lines  map[string]string
	}{
		"discovery": {"/", []string{"/.well-known/openid-configuration", "/keys/jwks.json"},
			"ACCEPTED", map[string]string{}},
		"only a key set": {"/", []string{"/.well-known/jwks.json"}, "ACCEPTED",
			map[string]string{"JwtJwksUrl": server.URL + "/.well-known/jwks.json"}},
		"neither": {"/", nil, "REFUSED: discovery: ", map[string]string{}},
		"discovery of another": {"", []string{"/.well-known/openid-configuration", "/keys/jwks.json"},
			"set JWT_JWKS_URL to the jwks_uri", map[string]string{}},
		"another, but a key set": {"", []string{"/.well-known/openid-configuration", "/.well-known/jwks.json"},
			"ACCEPTED", map[string]string{"JwtJwksUrl": server.URL + "/.well-known/jwks.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			clear(places)
			for _, place := range test.places {
				places[place] = true
			}
			var err error
			if keys, err = fakeissuer.New(server.URL); err != nil {
				t.Fatal(err)
			}
			token, err := keys.Token("alice", map[string]any{"iss": server.URL + test.issuer}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			output, _ := configure(t, token, nil, false)
			if !strings.Contains(output, test.want) {
				t.Errorf("nothing of %q in:\n%s", test.want, output)
			}
			test.lines["JwtIssuer"], test.lines["JwtAudience"] = server.URL+test.issuer, devserver.Audience
			if got := parametersIn(output); !maps.Equal(got, test.lines) {
				t.Errorf("lines = %v, want %v", got, test.lines)
			}
		})
	}
}

func TestATimeIsGivenInItsLargestUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1500 * time.Millisecond: "1 second ago", time.Second: "in 1 second", 0: "in 0 seconds",
		-2 * time.Second: "2 seconds ago", 119 * time.Second: "in 119 seconds", -time.Hour: "60 minutes ago",
		48 * time.Hour: "in 2 days",
	} {
		if got := relative(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
