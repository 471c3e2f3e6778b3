//go:build integration

package browser

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"billingportal/local/e2e/webdriver"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakeissuer"
)

// buttonApp is an app on another origin than the API, with the strictest content security policy
// that the button supports.
type buttonApp struct {
	*browser
	home   string // URL of the app
	portal string // origin of the API
	issuer *fakeissuer.Issuer

	example atomic.Pointer[string] // a page to serve instead of the body in the query
	// the response of /token, and the rendered part of /fragment
	tokens, fragment atomic.Pointer[string]
	login            atomic.Pointer[string] // the token after a visit to /login, which returns to return_to

	asked atomic.Pointer[string] // the last query of /token
	gone  atomic.Pointer[string] // the last request for noContent
	delay atomic.Int64           // delay of the portal, in nanoseconds

	mu    sync.Mutex
	posts int // number of requests for a session
}

// forEachButtonApp runs a test in each browser, each with its own app.
func forEachButtonApp(t *testing.T, test func(*testing.T, *buttonApp)) {
	t.Helper()
	apps := map[string]*buttonApp{}
	for _, name := range webdriver.Browsers() {
		apps[name] = newButtonApp(t)
	}
	forEachBrowser(t, func(t *testing.T, b *browser) {
		a := apps[b.Name]
		a.browser = b
		test(t, a)
	})
}

// newButtonApp starts an app whose pages have their body in the query, and a portal whose requests
// are counted.
func newButtonApp(t *testing.T) *buttonApp {
	t.Helper()
	a := &buttonApp{}
	app := httptest.NewServer(http.HandlerFunc(a.page))
	t.Cleanup(app.Close)
	a.home = strings.Replace(app.URL, "127.0.0.1", "localhost", 1)
	t.Setenv("ALLOWED_ORIGINS", a.home)
	t.Setenv("DEFAULT_RETURN_URL", a.home+"/back")
	l := devservertest.StartWith(t, devserver.DemoCustomers, func(l *devserver.Server) http.Handler {
		return a.intercept(devservertest.Handler(t, l, io.Discard))
	})
	a.portal, a.issuer = l.Origin, l.Issuer
	return a
}

// intercept delays the portal, and counts its requests.
func (a *buttonApp) intercept(portal http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == noContent {
			body, _ := io.ReadAll(r.Body)
			a.gone.Store(new(r.Method + " ?" + r.URL.RawQuery + " " + string(body)))
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if r.Method == http.MethodPost && r.URL.Path == "/billing/portal" {
			a.mu.Lock()
			a.posts++
			a.mu.Unlock()
			// long enough to see the busy state
			time.Sleep(100*time.Millisecond + time.Duration(a.delay.Load()))
		}
		portal.ServeHTTP(w, r)
	})
}

func (a *buttonApp) page(w http.ResponseWriter, r *http.Request) {
	if token := a.tokens.Load(); token != nil && r.URL.Path == "/token" {
		a.asked.Store(&r.URL.RawQuery)
		if *token == "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, *token)
		return
	}
	if token := a.login.Load(); token != nil && r.URL.Path == "/login" {
		a.tokens.Store(token)
		http.Redirect(w, r, r.URL.Query().Get("return_to"), http.StatusSeeOther)
		return
	}
	if example := a.example.Load(); example != nil {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if fragment := a.fragment.Load(); r.URL.Path == "/fragment" {
			if r.Header.Get("Hx-Request") == "true" {
				_, _ = io.WriteString(w, *fragment)
				return
			}
			_, _ = io.WriteString(w, *example+"<body>"+*fragment)
			return
		}
		_, _ = io.WriteString(w, *example)
		return
	}
	localhost := strings.Replace(a.portal, "127.0.0.1", "localhost", 1)
	both := a.portal + " " + localhost
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; script-src "+both+" 'nonce-app'; connect-src "+both+"; form-action "+both+
			"; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><title>An app</title><main><h1 id="app">An app</h1>%s</main>`,
		r.URL.Query().Get("body"))
}

// show opens a page of the app. PORTAL and LOCALHOST stand for the origins of the API. Scripts get
// the nonce of the page.
func (a *buttonApp) show(body string) {
	a.t.Helper()
	body = strings.NewReplacer("PORTAL", a.portal, "LOCALHOST", strings.Replace(a.portal, "127.0.0.1", "localhost", 1),
		"<script>", `<script type="module" nonce="app">`).Replace(body)
	a.Goto(a.home + "/?" + url.Values{"body": {body}}.Encode())
}

func (a *buttonApp) token(user string, claims map[string]any) string {
	a.t.Helper()
	token, err := a.issuer.Token(user, claims, time.Hour)
	if err != nil {
		a.t.Fatal(err)
	}
	return token
}

func (a *buttonApp) eval(expression string) string {
	a.t.Helper()
	return evaluate[string](a.browser, expression)
}

func (a *buttonApp) takePosts() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	posts := a.posts
	a.posts = 0
	return posts
}

const (
	// a path of the portal that responds with 204, so that the browser stays on the page
	noContent = "/nothing"

	module = `<script>import "PORTAL/billing/button.js";</script>`
	button = `<manage-billing-button id="b" %s>%s</manage-billing-button>`
)
