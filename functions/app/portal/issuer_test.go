package portal

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/go-jose/go-jose/v4"

	"billingportal/functions/app/internal/config/configtest"
)

// provider is an issuer at the wire. All providers' keys have the same ID.
type provider struct {
	*httptest.Server
	signer      jose.Signer
	set         string
	dials       atomic.Int32
	requests    atomic.Int32
	issuer      atomic.Value // issuer that its document names; "" means the server's own
	unavailable atomic.Bool
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	p.issuer.Store("")
	p.set, p.signer = newSigningKey(t)
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.requests.Add(1)
		switch {
		case p.unavailable.Load():
			w.WriteHeader(http.StatusNotFound)
		case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
			issuer, _ := p.issuer.Load().(string)
			if issuer == "" {
				issuer = p.URL
			}
			_, _ = io.WriteString(w, `{"issuer":"`+issuer+`","jwks_uri":"`+p.URL+`/jwks.json"}`)
		default:
			_, _ = io.WriteString(w, p.set)
		}
	}))
	p.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			p.dials.Add(1)
		}
	}
	p.Start()
	t.Cleanup(p.Close)
	return p
}

func (p *provider) token(t *testing.T) string {
	t.Helper()
	return signed(t, p.signer, p.URL, nil)
}

// requireAnswer sends a token and compares the status, the code and the alias that the log line
// names.
func requireAnswer(t *testing.T, f *function, what, token string, status int, code string, alias any) {
	t.Helper()
	f.logs.Reset()
	response := invokeWith(t, f.handler, token)
	if response.StatusCode != status || status == http.StatusSeeOther && response.Headers["Location"] != portalURL {
		t.Errorf("%s: answer = %d %v %s", what, response.StatusCode, response.Headers, response.Body)
	}
	line := f.line(t)
	if line["code"] != code || line["issuer_alias"] != alias {
		t.Errorf("%s: code = %v, issuer_alias = %v, want %s, %v", what, line["code"], line["issuer_alias"], code, alias)
	}
}

type function struct {
	handler lambda.Handler
	logs    *configtest.Log
}

func newFunction(t *testing.T, environment configtest.Env) *function {
	t.Helper()
	handler, written := newPortal(t, environment)
	return &function{handler, written}
}

// line returns the line of the only request since the last reset of the log.
func (f *function) line(t *testing.T) map[string]any {
	t.Helper()
	requests := f.logs.Requests(t)
	f.logs.Reset()
	if len(requests) == 0 {
		t.Fatal("no line")
	}
	return requests[0]
}

func TestEachNameOfTheIssuer(t *testing.T) {
	c := newCloud(t)
	first, second, unknown := newProvider(t), newProvider(t), newProvider(t)
	f := newFunction(t, c.environment().With(configtest.Env{"JWT_ISSUER_ALIASES": first.URL + "," + second.URL}))
	c.requireSession(t, f.handler)
	if dials := first.dials.Load() + second.dials.Load(); dials != 0 {
		t.Errorf("%d connections to aliases before their first token", dials)
	}
	c.calls()
	requireAnswer(t, f, "the issuer", c.token(t), 303, "ok", nil)
	requireAnswer(t, f, "the first alias", first.token(t), 303, "ok", 1.0)
	requireAnswer(t, f, "the second alias", second.token(t), 303, "ok", 2.0)
	requireAnswer(t, f, "an unknown issuer", unknown.token(t), 401, "invalid-token", nil)
	requireAnswer(t, f, "the alias's token with the issuer's key", signed(t, c.signer, first.URL, nil),
		401, "invalid-token", 1.0)
	requireAnswer(t, f, "the issuer's token with the alias's key", signed(t, first.signer, c.issuer.URL, nil),
		401, "invalid-token", nil)
	requireAnswer(t, f, "an alias's token with another's key", signed(t, second.signer, first.URL, nil),
		401, "invalid-token", 1.0)
	requireAnswer(t, f, "another audience", signed(t, first.signer, first.URL, map[string]any{"aud": "x"}),
		401, "invalid-token", 1.0)
	requireCalls(t, c.calls(), map[string]int32{"issuer": 0, "dynamodb": 3})
	for name, p := range map[string]*provider{"first": first, "second": second} {
		if requests := p.requests.Load(); requests != 2 {
			t.Errorf("%d requests to the %s alias, want its document and its keys", requests, name)
		}
	}
	if requests := unknown.requests.Load(); requests != 0 {
		t.Errorf("%d requests to an address that only a token names", requests)
	}
}

func TestAFailingAliasDoesNotStopOthers(t *testing.T) {
	c := newCloud(t)
	down, liar, well := newProvider(t), newProvider(t), newProvider(t)
	down.unavailable.Store(true)
	liar.issuer.Store(c.issuer.URL)
	f := newFunction(t,
		c.environment().With(configtest.Env{"JWT_ISSUER_ALIASES": down.URL + "," + liar.URL + "," + well.URL}))
	for range 2 {
		requireAnswer(t, f, "keys that cannot be fetched", down.token(t), 503, "identity-provider-unavailable", 1.0)
		requireAnswer(t, f, "a document of another issuer", liar.token(t), 503, "identity-provider-unavailable", 2.0)
		requireAnswer(t, f, "another alias", well.token(t), 303, "ok", 3.0)
		requireAnswer(t, f, "the issuer", c.token(t), 303, "ok", nil)
	}
	if requests := down.requests.Load(); requests != 1 {
		t.Errorf("%d requests within a back-off, want 1", requests)
	}
}

// A line about an alias has its number, never its name.
func TestTheLogNamesAnAliasByItsNumber(t *testing.T) {
	c := newCloud(t)
	down := newProvider(t)
	down.unavailable.Store(true)
	f := newFunction(t,
		c.environment().With(configtest.Env{"JWT_ISSUER_ALIASES": "https://127.0.0.1:1/MARKERx7Q," + down.URL}))
	c.requireSession(t, f.handler)
	f.logs.Reset()
	invokeWith(t, f.handler, down.token(t))
	invokeWith(t, f.handler, signed(t, c.signer, "https://127.0.0.1:1/MARKERx7Q", nil))
	written := f.logs.String()
	for _, alias := range []string{"1", "2"} {
		found := false
		for line := range strings.Lines(written) {
			found = found || strings.Contains(line, "fetching the issuer's keys failed") &&
				strings.Contains(line, `"issuer_alias":`+alias)
		}
		if !found {
			t.Errorf("nothing says that the keys of alias %s fail:\n%s", alias, written)
		}
	}
	for _, name := range []string{"MARKER", down.URL, strings.TrimPrefix(down.URL, "http://"), "127.0.0.1:1"} {
		if strings.Contains(written, name) {
			t.Errorf("%s was logged:\n%s", name, written)
		}
	}
}

// The age of keys that no token needs any more is not interesting.
func TestTheAgeOfKeysIsThatOfTheTokensIssuer(t *testing.T) {
	c := newCloud(t)
	alias := newProvider(t)
	f := newFunction(t, c.environment().With(configtest.Env{"JWT_ISSUER_ALIASES": alias.URL}))
	c.requireSession(t, f.handler)
	const apart = 50 * time.Millisecond
	time.Sleep(apart)
	age := func(token string) float64 {
		t.Helper()
		f.logs.Reset()
		invokeWith(t, f.handler, token)
		age, given := f.line(t)["keys_age_ms"].(float64)
		if !given {
			t.Error("no keys_age_ms")
		}
		return age
	}
	if younger, older := age(alias.token(t)), age(c.token(t)); older-younger < float64(apart.Milliseconds()) {
		t.Errorf("keys_age_ms = %v of the alias's, %v of the issuer's, which were fetched %v before",
			younger, older, apart)
	}
}

func TestKeysOfAllNames(t *testing.T) {
	c := newCloud(t)
	p := newProvider(t)
	for source, keys := range map[string]configtest.Env{"inline": {"JWT_JWKS": p.set},
		"an address": {"JWT_JWKS_URL": p.URL + "/jwks.json"}} {
		for _, issuer := range []string{"acme.com", "http://adfs.example.com/adfs/services/trust", "my-project-id",
			"urn:example:issuer", "https://issuer.example.com/?tenant=1"} {
			p.requests.Store(0)
			f := newFunction(t, c.environment().With(keys).With(configtest.Env{"JWT_ISSUER": issuer,
				"JWT_ISSUER_ALIASES": "https://alias.example,alias"}))
			requireAnswer(t, f, source+" "+issuer, signed(t, p.signer, issuer, nil), 303, "ok", nil)
			requireAnswer(t, f, source+" alias", signed(t, p.signer, "https://alias.example", nil), 303, "ok", 1.0)
			requireAnswer(t, f, source+" second alias", signed(t, p.signer, "alias", nil), 303, "ok", 2.0)
			for _, other := range []string{issuer + "/", strings.ToUpper(issuer), "alias.example", "",
				"https://issuer.example"} {
				requireAnswer(t, f, source+" "+other, signed(t, p.signer, other, nil), 401, "invalid-token", nil)
			}
			if requests := p.requests.Load(); (source == "inline") != (requests == 0) || requests > 1 {
				t.Errorf("%s: %d requests for keys", source, requests)
			}
		}
	}
}

func TestTokensAsTheirIssuersWriteThem(t *testing.T) {
	c := newCloud(t)
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	verified := configtest.Env{"JWT_USER_CLAIM": "email", "JWT_REQUIRED_CLAIM": "email_verified=true"}
	email := func(verified any) map[string]any {
		return map[string]any{"email": "a@example.com", "email_verified": verified}
	}
	level := configtest.Env{"JWT_REQUIRED_CLAIM": "app.level=2|9007199254740993"}
	statuses := map[string]int{"ok": 303, "insufficient-role": 403, "invalid-token": 401}
	for name, test := range map[string]struct {
		env    configtest.Env
		claims map[string]any
		code   string
	}{
		"email_verified":            {verified, email(true), "ok"},
		"email_verified, a string":  {verified, email("true"), "ok"},
		"email_verified, in a list": {verified, email([]any{true}), "ok"},
		"email_verified, false":     {verified, email(false), "insufficient-role"},
		"email_verified, null":      {verified, email(raw("null")), "insufficient-role"},
		"email_verified, absent":    {verified, map[string]any{"email": "a@example.com"}, "insufficient-role"},
		"email_verified, an object": {verified, email(map[string]any{"true": true}), "insufficient-role"},
		"email_verified, 1":         {verified, email(1), "insufficient-role"},
		"a number":                  {level, map[string]any{"app": map[string]any{"level": 2}}, "ok"},
		"a number, in a list":       {level, map[string]any{"app": map[string]any{"level": []any{1, 2}}}, "ok"},
		"a number, written otherwise": {level,
			map[string]any{"app": map[string]any{"level": raw("2.0")}}, "insufficient-role"},
		"a long number": {level, map[string]any{"app": raw(`{"level":9007199254740993}`)}, "ok"},
		"another long number": {level,
			map[string]any{"app": raw(`{"level":9007199254740992}`)}, "insufficient-role"},
		"the whole name first": {level,
			map[string]any{"app.level": 1, "app": map[string]any{"level": 2}}, "insufficient-role"},
		"client_id for no aud":       {nil, map[string]any{"aud": nil, "client_id": "billing-portal"}, "ok"},
		"client_id for an empty aud": {nil, map[string]any{"aud": []string{}, "client_id": "billing-portal"}, "ok"},
		"client_id for a null aud":   {nil, map[string]any{"aud": raw("null"), "client_id": "billing-portal"}, "ok"},
		"azp for an empty aud":       {nil, map[string]any{"aud": []string{}, "azp": "billing-portal"}, "ok"},
		"azp next to a client_id": {nil,
			map[string]any{"aud": []string{}, "client_id": "x", "azp": "billing-portal"}, "invalid-token"},
		"client_id next to an aud": {nil,
			map[string]any{"aud": []string{"x"}, "client_id": "billing-portal"}, "invalid-token"},
		"an aud that says nothing": {nil, map[string]any{"aud": "", "client_id": "billing-portal"}, "invalid-token"},
		"an empty aud alone":       {nil, map[string]any{"aud": []string{}}, "invalid-token"},
	} {
		f := newFunction(t, c.environment().With(test.env))
		requireAnswer(t, f, name, c.tokenWith(t, test.claims), statuses[test.code], test.code, nil)
	}
}
