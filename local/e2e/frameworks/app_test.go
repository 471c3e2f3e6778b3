//go:build integration && frameworks

package frameworks

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
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

// start starts the production server of the app, as its users do, until the test ends. A shell
// kills all processes that npm started when npm or this process ends for any reason.
func (a app) start(t *testing.T, port, portal, token string) {
	t.Helper()
	var output bytes.Buffer
	server := exec.Command("sh", "-c", `{ npm start; kill -KILL 0; } & read -r _; kill -KILL 0`)
	server.Dir = filepath.Join(built, a.folder)
	server.Env = append(os.Environ(), "NODE_ENV=production", "HOST=127.0.0.1", "PORT="+port, "TOKEN="+token,
		// each framework has its own name
		"PORTAL="+portal, "NUXT_PUBLIC_PORTAL="+portal, "PUBLIC_PORTAL="+portal,
		"NEXT_TELEMETRY_DISABLED=1", "ASTRO_TELEMETRY_DISABLED=1", a.env)
	server.Stdout, server.Stderr = &output, &output
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = server.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		<-ended
	})
	for deadline := time.Now().Add(time.Minute); ; {
		response, err := http.Get("http://127.0.0.1:" + port + "/")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			t.Fatalf("%s exited: %v\n%s", a.name, server.ProcessState, output.Bytes())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not respond", a.name)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // of TCP
}
