package fakeissuer_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"billingportal/local/internal/fakeissuer"
)

// answer is a response of the token endpoint, for success or an error.
type answer struct {
	AccessToken string  `json:"access_token"`
	TokenType   string  `json:"token_type"`
	ExpiresIn   float64 `json:"expires_in"`
	Error       string  `json:"error"`
	Description string  `json:"error_description"`
}

func TestTokenEndpointSigns(t *testing.T) {
	issuer := newIssuer(t)
	for _, c := range []struct {
		name      string
		form      url.Values
		expiresIn float64
		claim     string
		want      any
	}{
		{"a token for a user", form("user", "alice"), 3600, "sub", "alice"},
		{"a ttl", form("user", "bob", "ttl", "90s"), 90, "sub", "bob"},
		{"the shortest ttl", form("user", "bob", "ttl", "1s"), 1, "sub", "bob"},
		{"an empty ttl means the default", form("user", "bob", "ttl", ""), 3600, "sub", "bob"},
		{"claims", form("user", "carol", "claims", `{"scope":"billing"}`), 3600, "scope", "billing"},
		{"claims override the defaults", form("user", "carol", "claims", `{"sub":"mallory"}`), 3600, "sub", "mallory"},
		{"a null claim removes a default", form("user", "dave", "claims", `{"aud":null}`), 3600, "aud", nil},
		{"a token with a given exp has no expires_in", form("user", "erin", "claims", `{"exp":1}`), 0, "exp", 1.0},
		{"unknown parameters are ignored", form("user", "erin", "grant_type", "x"), 3600, "sub", "erin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, got := post(t, issuer, c.form)
			if w.Code != http.StatusOK || got.TokenType != "Bearer" || got.ExpiresIn != c.expiresIn {
				t.Fatalf("got %d, type %q, expires_in %v: %s", w.Code, got.TokenType, got.ExpiresIn, got.Description)
			}
			if cache := w.Header().Get("Cache-Control"); cache != "no-store" {
				t.Errorf("Cache-Control is %q", cache)
			}
			if claim := verify(t, got.AccessToken, issuer.KeySet())[c.claim]; claim != c.want {
				t.Errorf("%s is %v, want %v", c.claim, claim, c.want)
			}
		})
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	issuer := newIssuer(t)
	alice := form("user", "alice")
	for _, c := range []struct {
		name   string
		form   url.Values
		change func(*http.Request)
		status int
		code   string
	}{
		{"no user", form("ttl", "1h"), nil, 400, "invalid_request"},
		{"an unknown user", form("user", "mallory"), nil, 400, "invalid_grant"},
		{"a user in upper case", form("user", "Alice"), nil, 400, "invalid_grant"},
		{"two users", url.Values{"user": {"alice", "bob"}}, nil, 400, "invalid_request"},
		{"a ttl that is not a duration", form("user", "alice", "ttl", "soon"), nil, 400, "invalid_request"},
		{"a ttl without a unit", form("user", "alice", "ttl", "3600"), nil, 400, "invalid_request"},
		{"a ttl of zero", form("user", "alice", "ttl", "0s"), nil, 400, "invalid_request"},
		{"a negative ttl", form("user", "alice", "ttl", "-1h"), nil, 400, "invalid_request"},
		{"claims that are not JSON", form("user", "alice", "claims", "scope=x"), nil, 400, "invalid_request"},
		{"claims that are not an object", form("user", "alice", "claims", `["scope"]`), nil, 400, "invalid_request"},
		{"claims that are null", form("user", "alice", "claims", `null`), nil, 400, "invalid_request"},
		{"claims followed by more data", form("user", "alice", "claims", `{} {}`), nil, 400, "invalid_request"},
		{"a form over 8 KiB", form("user", "alice", "claims", strings.Repeat(" ", 9000)), nil, 400, "invalid_request"},
		{"a body of another type", alice, set("Content-Type", "application/json"), 400, "invalid_request"},
		{"a body without a type", alice, set("Content-Type", ""), 400, "invalid_request"},
		{"a user only in the query string", nil, func(r *http.Request) { r.URL.RawQuery = "user=alice" },
			400, "invalid_request"},

		{"a page of another origin", alice, set("Origin", "https://evil.example"), 403, "invalid_request"},
		{"a page of the same origin", alice, set("Origin", "http://127.0.0.1:8080"), 403, "invalid_request"},
		{"a page with a null origin", alice, set("Origin", "null"), 403, "invalid_request"},
		{"a browser", alice, set("Sec-Fetch-Site", "cross-site"), 403, "invalid_request"},
		{"another name that resolves to this machine", alice, func(r *http.Request) { r.Host = "evil.example:8080" },
			403, "invalid_request"},
		{"an address of another machine", alice, func(r *http.Request) { r.Host = "192.0.2.1:8080" },
			403, "invalid_request"},
		{"no host", alice, func(r *http.Request) { r.Host = "" }, 403, "invalid_request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, got := post(t, issuer, c.form, c.change)
			if w.Code != c.status || got.Error != c.code {
				t.Errorf("got %d %q, want %d %q", w.Code, got.Error, c.status, c.code)
			}
			if got.AccessToken != "" {
				t.Error("the error response contains a token")
			}
			if !describes(got.Description) {
				t.Errorf("description is %q", got.Description)
			}
			if cache := w.Header().Get("Cache-Control"); cache != "no-store" {
				t.Errorf("Cache-Control is %q", cache)
			}
		})
	}
}

func TestTokenEndpointAcceptsNamesOfThisMachine(t *testing.T) {
	issuer, err := fakeissuer.New("https://issuer.example:8443")
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1:8080", "127.1.2.3", "[::1]:8080", "[::1]", "localhost", "LOCALHOST:1",
		"issuer.example:8443", "Issuer.Example:8443"} {
		w, _ := post(t, issuer, form("user", "alice"), func(r *http.Request) { r.Host = host })
		if w.Code != http.StatusOK {
			t.Errorf("%s: status is %d", host, w.Code)
		}
	}
}

func TestTokenEndpointRefusesGet(t *testing.T) {
	w := httptest.NewRecorder()
	newIssuer(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/token?user=alice", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("status is %d", w.Code)
	}
}

// describes reports whether a description has only allowed characters (RFC 6749, section 5.2).
func describes(description string) bool {
	return regexp.MustCompile(`^[\x20\x21\x23-\x5B\x5D-\x7E]+$`).MatchString(description)
}

// form returns a form from pairs of names and values.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

func set(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func post(t *testing.T, issuer *fakeissuer.Issuer, form url.Values,
	changes ...func(*http.Request)) (*httptest.ResponseRecorder, answer) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, change := range changes {
		if change != nil {
			change(r)
		}
	}
	w := httptest.NewRecorder()
	issuer.ServeHTTP(w, r)
	var got answer
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("the response is not JSON: %v", err)
	}
	return w, got
}
