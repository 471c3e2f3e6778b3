package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"billingportal/local/internal/runtimeapi"
)

const portalPackage = "billingportal/functions/portal"

// upstreams are the laptop's stand-ins, with every call counted, for a function
// that runs as a process of its own.
type upstreams struct {
	*laptop
	mu    sync.Mutex
	calls map[string]int
	hang  map[string]bool // upstreams that never answer
}

func startUpstreams(t *testing.T) *upstreams {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	l, err := newLaptop("http://"+server.Listener.Addr().String(), demoKey, demoCustomers)
	if err != nil {
		t.Fatal(err)
	}
	u := &upstreams{laptop: l, calls: map[string]int{}, hang: map[string]bool{}}
	mux := http.NewServeMux()
	mux.Handle(issuerPath+"/", u.counted("issuer", http.StripPrefix(issuerPath, l.issuer)))
	for path, name := range map[string]string{dynamoDBPath: "dynamodb", secretsManagerPath: "secretsmanager", stripePath + "/": "stripe"} {
		mux.Handle(path, u.counted(name, l.cloud()))
	}
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	return u
}

func (u *upstreams) counted(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		u.calls[name]++
		hang := u.hang[name]
		u.mu.Unlock()
		if hang {
			// net/http notices that a client is gone once the body is read.
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return
		}
		next.ServeHTTP(w, r)
	})
}

// take returns the calls since the last take.
func (u *upstreams) take() map[string]int {
	u.mu.Lock()
	defer u.mu.Unlock()
	calls := u.calls
	u.calls = map[string]int{}
	return calls
}

func (u *upstreams) setHang(name string, hang bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.hang[name] = hang
}

// start runs a bootstrap with the stand-ins as its cloud.
func (u *upstreams) start(t *testing.T, path string) *runtimeapi.Process {
	t.Helper()
	var env []string
	for name, value := range u.environment(u.origin) {
		env = append(env, name+"="+value)
	}
	process, err := runtimeapi.Start(t.Context(), path, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Stop)
	return process
}

// call invokes the function with a user's plain request.
func (u *upstreams) call(t *testing.T, process *runtimeapi.Process, user string, timeout time.Duration) events.APIGatewayV2HTTPResponse {
	t.Helper()
	token, err := u.issuer.Token(user, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	event, err := request{headers: map[string]string{"Authorization": "Bearer " + token}}.event(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	response, functionError, err := process.Invoke(t.Context(), event, time.Now().Add(timeout))
	if err != nil || functionError != nil {
		t.Fatalf("%v %s\n%s", err, functionError, process.Stderr())
	}
	var answer events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(response, &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestBootstrap(t *testing.T) {
	u := startUpstreams(t)
	process := u.start(t, runtimeapi.Build(t, portalPackage))

	answer := u.call(t, process, "alice", 15*time.Second)
	if answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(answer.Headers["Location"], u.origin+"/p/session/") {
		t.Fatalf("first: %+v", answer)
	}
	if calls := u.take(); calls["dynamodb"] != 1 || calls["stripe"] != 1 || calls["secretsmanager"] != 1 || calls["issuer"] > 2 {
		t.Errorf("first: calls = %v", calls)
	}

	if answer := u.call(t, process, "alice", 15*time.Second); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("warm: %+v", answer)
	}
	if calls := u.take(); calls["dynamodb"] != 1 || calls["stripe"] != 1 || len(calls) != 2 {
		t.Errorf("warm: calls = %v", calls)
	}

	u.setHang("stripe", true)
	start := time.Now()
	answer = u.call(t, process, "alice", 2*time.Second)
	if answer.StatusCode != http.StatusGatewayTimeout || codeOf(t, answer.Body) != "upstream-timeout" {
		t.Errorf("timeout: %+v after %v", answer, time.Since(start))
	}
	u.setHang("stripe", false)
	if answer := u.call(t, process, "alice", 15*time.Second); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("after the timeout: %+v", answer)
	}
}

// TestBootstrapSurvivesAPanic runs a bootstrap into which a panic was planted at
// build time: the code as it is has none to offer.
func TestBootstrapSurvivesAPanic(t *testing.T) {
	u := startUpstreams(t)
	process := u.start(t, buildWithPanic(t))
	answer := u.call(t, process, "panic", 15*time.Second)
	if answer.StatusCode != http.StatusInternalServerError || codeOf(t, answer.Body) != "internal" {
		t.Errorf("panic: %+v", answer)
	}
	if stdout := process.Stdout(); !strings.Contains(stdout, "customers.(*Store).CustomerID") || strings.Contains(stdout, "planted") {
		t.Errorf("the log should tell where and not what: %s", stdout)
	}
	if answer := u.call(t, process, "alice", 15*time.Second); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("after the panic: %+v", answer)
	}
}

// buildWithPanic builds the function with one line more, by go build's -overlay.
func buildWithPanic(t *testing.T) string {
	t.Helper()
	source, err := filepath.Abs("../functions/internal/customers/customers.go")
	if err != nil {
		t.Fatal(err)
	}
	original, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	const signature = "func (s *Store) CustomerID(ctx context.Context, userID string) (string, error) {\n"
	planted := strings.Replace(string(original), signature, signature+`if userID == "panic" { panic("planted") };`, 1)
	if planted == string(original) {
		t.Fatalf("%s has no %s", source, signature)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "customers.go"), []byte(planted), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay := map[string]map[string]string{"Replace": {source: filepath.Join(dir, "customers.go")}}
	if err := writeJSON(filepath.Join(dir, "overlay.json"), overlay); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-overlay", filepath.Join(dir, "overlay.json"), "-o", path, portalPackage) //nolint:gosec // our own paths
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return path
}

func TestBootstrapNamesEveryWrongVariable(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	process, err := runtimeapi.Start(ctx, runtimeapi.Build(t, portalPackage), []string{"STRIPE_LIVEMODE=perhaps", "JWT_ISSUER=http://evil.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer process.Stop()
	if process.Ready(ctx) == nil {
		t.Fatal("it started")
	}
	<-process.Exited()
	for _, name := range []string{"CUSTOMERS_TABLE", "STRIPE_SECRET_ID", "STRIPE_LIVEMODE", "JWT_ISSUER", "JWT_AUDIENCE", "ALLOWED_ORIGINS", "DEFAULT_RETURN_URL"} {
		if !strings.Contains(process.Stderr(), name) {
			t.Errorf("%s is missing from: %s", name, process.Stderr())
		}
	}
}
