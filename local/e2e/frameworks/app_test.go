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
	env    string // another variable for its server

	// The element comes from the API, otherwise from the app's bundle.
	isServed bool
}

// has reports whether an app's page can be reached in a way. A module in its bundle is never slow.
func (a app) has(way way) bool { return way.delay == 0 || a.isServed }

// start starts the app's production server, as its users do, until the test ends. A shell ends all
// that npm has started when npm or this process ends, however it does.
func (a app) start(t *testing.T, port, portal, token string) {
	t.Helper()
	var output bytes.Buffer
	server := exec.Command("sh", "-c", `{ npm start; kill -KILL 0; } & read -r _; kill -KILL 0`)
	server.Dir = filepath.Join(built, a.folder)
	server.Env = append(os.Environ(), "NODE_ENV=production", "HOST=127.0.0.1", "PORT="+port, "TOKEN="+token,
		"PORTAL="+portal, "NUXT_PUBLIC_PORTAL="+portal, "PUBLIC_PORTAL="+portal, // each framework has its own name
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
			t.Fatalf("%s has ended: %v\n%s", a.name, server.ProcessState, output.Bytes())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer", a.name)
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
