//go:build integration

package browser

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"billingportal/functions/integrationtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// startOIDCProvider starts oidc-provider, which shares no code with the portal or the development
// server. It returns its issuer and an access token for an API.
func startOIDCProvider(t *testing.T, api string) (issuer, token string) {
	t.Helper()
	issuer = integrationtest.OpenIDProvider(t, "oidc-provider")
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"billing"}, "resource": {api}}
	response, body := devservertest.Send(t, http.MethodPost, issuer+"/token", form.Encode(), map[string]string{
		"Content-Type":  "application/x-www-form-urlencoded",
		"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("machine:secret")),
	})
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("status %d: %s", response.StatusCode, body)
	}
	return issuer, answer.AccessToken
}

// appPage is a page of an app with the three ways to call the portal.
const appPage = `<!doctype html><title>An app</title><h1 id="app">An app</h1>
<form method="post" action="%[1]s"><input type="hidden" name="access_token" value="%[2]s"><button ` +
	`id="form">Form</button></form>
<form method="post" action="%[1]s"><button id="cookie">Cookie</button></form>
<button id="fetch">Fetch</button>
<script>
document.getElementById("cookie").onclick = () => { document.cookie = "session=%[2]s; path=/"; }; // the other ways ` +
	`send only one credential
document.getElementById("fetch").onclick = async () => {
  const response = await fetch("%[1]s", { method: "POST", headers: { Authorization: "Bearer %[2]s" } });
  location.assign((await response.json()).url);
};
</script>`

// TestAppWithItsOwnProvider tests an app on another origin than the portal, with tokens of its own
// provider, in real browsers. For the cookie both are on the same site.
func TestAppWithItsOwnProvider(t *testing.T) {
	const api = "https://billing.example/RS256"
	issuer, token := startOIDCProvider(t, api)
	var portal string
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, fmt.Sprintf(appPage, portal, token))
	}))
	t.Cleanup(app.Close)
	home := strings.Replace(app.URL, "127.0.0.1", "localhost", 1)
	t.Setenv("JWT_ISSUER", issuer)
	t.Setenv("JWT_AUDIENCE", api)
	t.Setenv("ALLOWED_ORIGINS", home)
	t.Setenv("DEFAULT_RETURN_URL", home+"/")
	origin, _ := devservertest.Serve(t, devserver.Options{Listen: "127.0.0.1:0", Everyone: "alice"})
	portal = strings.Replace(origin, "127.0.0.1", "localhost", 1) + "/billing/portal"
	forEachBrowser(t, func(t *testing.T, b *browser) {
		for _, way := range []string{"form", "fetch", "cookie"} {
			b.Goto(home + "/")
			b.click("#"+way, "#customer-id")
			if customer := b.Text("#customer-id"); customer != "cus_DemoAlice" {
				t.Errorf("%s: portal of %s", way, customer)
			}
			b.click("#return", "#app")
			if back := b.Location(); back != home+"/" {
				t.Errorf("%s: the return link leads to %s", way, back)
			}
		}
	})
}
