//go:build integration && frameworks

package frameworks

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"billingportal/local/e2e/webdriver"
)

// app is a built app.
type app struct {
	name   string
	folder string
	env    string // an additional variable for its server

	// The API serves the element; otherwise it is in the bundle of the app.
	isServed bool
}

// has reports whether the page of an app can be reached in this way. A module in the bundle is
// never slow.
func (a app) has(way way) bool { return way.delay == 0 || a.isServed }

// start starts the production server of the app, as its users do, until the test ends.
func (a app) start(t *testing.T, port, portal, token string) {
	t.Helper()
	env := append(os.Environ(), "NODE_ENV=production", "HOST=127.0.0.1", "PORT="+port, "TOKEN="+token,
		// each framework has its own name
		"PORTAL="+portal, "NUXT_PUBLIC_PORTAL="+portal, "PUBLIC_PORTAL="+portal,
		"NEXT_TELEMETRY_DISABLED=1", "ASTRO_TELEMETRY_DISABLED=1", a.env)
	server, err := webdriver.StartProcess(filepath.Join(built, a.folder), env, nil, "npm", "start")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	for deadline := time.Now().Add(time.Minute); ; {
		response, err := http.Get("http://127.0.0.1:" + port + "/")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-server.Ended:
			t.Fatalf("%s exited:\n%s", a.name, server.Output)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not respond", a.name)
		}
	}
}
