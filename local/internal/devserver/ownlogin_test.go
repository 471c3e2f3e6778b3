package devserver_test

import (
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

func TestTheDemoExplainsAnAppsOwnLogin(t *testing.T) {
	devservertest.Provider(t)
	for everyone, customer := range map[string]string{"alice": "the customer <code>cus_DemoAlice</code>",
		"cus_1": "the customer <code>cus_1</code>", "": `<code class="flag">--everyone alice</code>`} {
		origin, greeting := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0", Everyone: everyone})
		response, page := devservertest.Get(t, origin+"/?user=bob")
		if response.StatusCode != http.StatusOK || strings.Contains(page, "access_token") ||
			!strings.Contains(response.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%d %v %s", response.StatusCode, response.Header, page)
		}
		for _, want := range []string{"<code>JWT_ISSUER</code> and <code>JWT_AUDIENCE</code>", os.Getenv("JWT_ISSUER"),
			`<a href="` + devservertest.Frontend + `">`, `"` + origin + `/billing/button.js"`, customer,
			"<code>" + origin + "/billing/portal</code>", "go run ./local configure"} {
			if !strings.Contains(page, want) {
				t.Errorf("--everyone %q: the page does not say %s", everyone, want)
			}
		}
		if !strings.Contains(greeting, "next steps are at "+origin) {
			t.Errorf("greeting: %s", greeting)
		}
	}
}

func TestTheDemoWorksUnlessItsTokensAreRefused(t *testing.T) {
	l, err := devserver.New("http://127.0.0.1:1", devserver.DemoKey, devserver.DemoCustomers)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, value string
		isOwn       bool
	}{
		{"JWT_ISSUER", "https://tenant.example.com/", true},
		{"JWT_ISSUER", l.Origin + devserver.IssuerPath, false},
		{"JWT_AUDIENCE", "api", true},
		{"JWT_AUDIENCE", "api,billing-portal", false},
		{"JWT_JWKS", `{"keys":[]}`, true},
		{"JWT_JWKS_URL", "https://tenant.example.com/keys", true},
		{"JWT_USER_CLAIM", "org_id", true},
		{"JWT_USER_CLAIM", "sub", false},
		{"JWT_REQUIRED_SCOPE", "billing", false},
	} {
		env := l.Environment(l.Origin)
		maps.Copy(env, map[string]string{test.name: test.value})
		own := l.DemoConfig(env).OwnLogin
		if (own != nil) != test.isOwn || own != nil && !slices.Equal(own.Variables, []string{test.name}) {
			t.Errorf("%s=%s: %+v", test.name, test.value, own)
		}
	}
}

// The function refuses a return_url of an origin that is not in ALLOWED_ORIGINS.
func TestTheDemoReturnsOnlyToAnAllowedOrigin(t *testing.T) {
	l, err := devserver.New("http://127.0.0.1:1", devserver.DemoKey, devserver.DemoCustomers)
	if err != nil {
		t.Fatal(err)
	}
	for allowed, want := range map[string]string{l.Origin: l.Origin, "http://localhost:3000": "",
		"http://localhost:3000," + l.Origin: l.Origin} {
		env := l.Environment(l.Origin)
		env["ALLOWED_ORIGINS"] = allowed
		if got := l.DemoConfig(env).Origin; got != want {
			t.Errorf("%s: origin %q", allowed, got)
		}
	}
}
