//go:build integration && frameworks

// Package frameworks opens real pages with <manage-billing-button>: an app for each framework,
// built with the tools of the framework and served by its server. `make check-frameworks` builds
// the apps into .tools/frameworks, runs these tests, and prints the matrix.
package frameworks

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"billingportal/local/e2e/webdriver"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

const (
	built      = "../../../.tools/frameworks" // by .ci/frameworks
	matrixFile = "../../../.cache/frameworks.md"
)

// apps are the columns of the matrix.
var apps = []app{
	{name: "Next.js, Turbopack", folder: "next", env: "DIST_DIR=.next-turbopack"},
	{name: "Next.js, webpack", folder: "next", env: "DIST_DIR=.next-webpack"},
	{name: "React Router", folder: "react-router", isServed: true},
	{name: "Nuxt", folder: "nuxt", isServed: true},
	{name: "SvelteKit", folder: "sveltekit", isServed: true},
	{name: "Angular", folder: "angular"},
	{name: "Astro", folder: "astro"},
}

func TestMain(m *testing.M) { os.Exit(webdriver.Run(m)) }

func TestFrameworks(t *testing.T) {
	var matrix matrix
	for _, browser := range webdriver.Browsers() {
		for _, app := range apps {
			t.Run(browser+"/"+app.name, func(t *testing.T) { openPages(t, browser, app, &matrix) })
		}
	}
	if err := os.MkdirAll(filepath.Dir(matrixFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(matrixFile, []byte(matrix.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// openPages starts an app and opens its page in every way for each behavior.
func openPages(t *testing.T, browser string, app app, matrix *matrix) {
	matrix.add(browser, app)
	s := start(t, app)
	b := webdriver.Open(t, browser)
	if browser == webdriver.Chromium {
		b.CDP("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": listen}, nil)
	}
	for _, way := range ways {
		if !app.has(way) {
			continue
		}
		s.delay.Store(int64(way.delay))
		for _, behavior := range behaviors {
			passed := t.Run(way.name+"/"+behavior.name, func(t *testing.T) {
				p := &page{t: t, Browser: b.With(t), origin: s.origin}
				way.open(p)
				behavior.check(p)
			})
			matrix.passed[cell{browser, way.name, behavior.name, app.name}] = passed
		}
	}
}

// server is an app and the API that it uses.
type server struct {
	origin string       // origin of the app
	delay  atomic.Int64 // delay of the module, in nanoseconds
}

func start(t *testing.T, a app) *server {
	t.Helper()
	s := &server{}
	address := devservertest.FreeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	s.origin = "http://" + address
	t.Setenv("ALLOWED_ORIGINS", s.origin)
	t.Setenv("DEFAULT_RETURN_URL", s.origin+"/billing")
	logs := &devservertest.LogBuffer{}
	api := devservertest.StartWith(t, devserver.DemoCustomers, func(l *devserver.Server) http.Handler {
		handler := devservertest.Handler(t, l, logs)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/billing/button.js" {
				time.Sleep(time.Duration(s.delay.Load()))
			}
			handler.ServeHTTP(w, r)
		})
	})
	token, err := api.Issuer.Token("alice", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	a.start(t, port, api.Origin, token)
	return s
}
