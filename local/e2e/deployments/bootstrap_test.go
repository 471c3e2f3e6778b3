package deployments

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/runtimeapi"
)

const (
	portalPackage    = "billingportal/functions/portal"
	webhookPackage   = "billingportal/functions/webhook"
	preflightPackage = "billingportal/functions/preflight"
)

// upstreams are the fakes of the development server, for a function that runs as a separate
// process. They count all calls.
type upstreams struct {
	*devserver.Server
	mu    sync.Mutex
	calls map[string]int
	hang  map[string]bool // upstreams that never respond
}

func startUpstreams(t *testing.T) *upstreams {
	t.Helper()
	u := &upstreams{calls: map[string]int{}, hang: map[string]bool{}}
	u.Server = devservertest.StartWith(t, devserver.DemoCustomers, func(l *devserver.Server) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(devserver.IssuerPath+"/", u.counted("issuer", http.StripPrefix(devserver.IssuerPath, l.Issuer)))
		for path, name := range map[string]string{devserver.DynamoDBPath: "dynamodb",
			devserver.SecretsManagerPath: "secretsmanager", devserver.StripePath + "/": "stripe"} {
			mux.Handle(path, u.counted(name, l.Cloud()))
		}
		return mux
	})
	return u
}

func (u *upstreams) counted(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		u.calls[name]++
		hang := u.hang[name]
		u.mu.Unlock()
		if hang {
			// net/http notices that a client is gone only after the body has been read.
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

// start runs a bootstrap with the fakes as its cloud, and with more variables.
func (u *upstreams) start(t *testing.T, path string, env ...string) *runtimeapi.Process {
	t.Helper()
	for name, value := range u.Environment(u.Origin) {
		env = append(env, name+"="+value)
	}
	process, err := runtimeapi.Start(t.Context(), path, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Stop)
	return process
}

// call invokes the function with a minimal request of a user.
func (u *upstreams) call(t *testing.T, process *runtimeapi.Process, user string,
	timeout time.Duration) events.APIGatewayV2HTTPResponse {
	t.Helper()
	token, err := u.Issuer.Token(user, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	event, err := devserver.Request{Headers: map[string]string{"Authorization": "Bearer " + token}}.Event(t.Context())
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
	t.Parallel()
	u := startUpstreams(t)
	process := u.start(t, runtimeapi.Build(t, portalPackage))

	answer := u.call(t, process, "alice", 15*time.Second)
	if answer.StatusCode != http.StatusSeeOther ||
		!strings.HasPrefix(answer.Headers["Location"], u.Origin+"/p/session/") {
		t.Fatalf("first request: %+v", answer)
	}
	if calls := u.take(); calls["dynamodb"] != 1 || calls["stripe"] != 1 ||
		calls["secretsmanager"] != 1 || calls["issuer"] > 2 {
		t.Errorf("first: calls = %v", calls)
	}

	if answer := u.call(t, process, "alice", 15*time.Second); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("warm request: %+v", answer)
	}
	if calls := u.take(); calls["dynamodb"] != 1 || calls["stripe"] != 1 || len(calls) != 2 {
		t.Errorf("warm: calls = %v", calls)
	}

	u.setHang("stripe", true)
	start := time.Now()
	answer = u.call(t, process, "alice", 2*time.Second)
	if answer.StatusCode != http.StatusGatewayTimeout || devservertest.CodeOf(t, answer.Body) != "upstream-timeout" {
		t.Errorf("timeout: %+v after %v", answer, time.Since(start))
	}
	u.setHang("stripe", false)
	if answer := u.call(t, process, "alice", 15*time.Second); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("after the timeout: %+v", answer)
	}
}

// buildWithPanics adds the panics.
func TestBootstrapSurvivesAPanic(t *testing.T) {
	t.Parallel()
	u := startUpstreams(t)
	path := buildWithPanics(t)
	process := u.start(t, path, "RELEASE=fetch")
	answer := u.call(t, process, "panic", 15*time.Second)
	if answer.StatusCode != http.StatusInternalServerError || devservertest.CodeOf(t, answer.Body) != "internal" {
		t.Errorf("the request that panics: %+v", answer)
	}
	if answer := u.call(t, process, "alice", 15*time.Second); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("after the panic: %+v", answer)
	}
	for _, where := range []string{"customers.(*Store).CustomerID", "config.Deps.Prefetch"} {
		if found := whatCrashed(t, process.Stdout()); !strings.Contains(found, where) ||
			strings.Contains(found, "planted") {
			t.Errorf("the log must name the function %s but not the panic value: %s", where, found)
		}
	}
	if other := process.Stderr(); other != "" {
		t.Errorf("standard error is not empty: %s", other)
	}

	process = u.start(t, path, "PLANTED=start")
	<-process.Exited()
	if crash := crashOf(t, process); !strings.Contains(crash.Error, "portal.New") ||
		strings.Contains(crash.Error, "planted") {
		t.Errorf("the log must name the function but not the panic value: %+v", crash)
	}

	// Go prints an unrecovered panic in many lines.
	process = u.start(t, path, "PLANTED=elsewhere")
	<-process.Exited()
	if found := whatCrashed(t, process.Stderr()); !strings.Contains(found, "panic: ") ||
		!strings.Contains(found, "functions/app/portal/portal.go:") {
		t.Errorf("the query what-crashed finds only: %s\nin the log: %s", found, process.Stderr())
	}
}

// buildWithPanics builds the function with added lines that panic, using go build -overlay.
func buildWithPanics(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	replaced := map[string]string{}
	for file, lines := range map[string][2]string{
		"internal/customers/customers.go": {
			"func (s *Store) CustomerID(ctx context.Context, userID string) (string, error) {\n",
			`if userID == "panic" { panic("planted") };`,
		},
		"app/internal/config/deps.go": {"if err := lambdahttp.Recovering(func() error {",
			` if d.Release == "fetch" { panic("planted") };`},
		"app/portal/portal.go": {
			"func New(ctx context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error) {\n",
			`switch getenv("PLANTED") { case "start": panic("planted"); case "elsewhere": go func() { ` +
				`panic("planted") }() };`,
		},
	} {
		source, err := filepath.Abs("../../../functions/" + file)
		if err != nil {
			t.Fatal(err)
		}
		original, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(original), lines[0]) != 1 {
			t.Fatalf("%s must contain this line exactly once: %s", source, lines[0])
		}
		replaced[source] = filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(replaced[source],
			[]byte(strings.Replace(string(original), lines[0], lines[0]+lines[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags", "-s -w",
		"-overlay", filepath.Join(dir, "overlay.json"), "-o", path, portalPackage) //nolint:gosec // our own paths
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return path
}

// whatCrashed returns the lines of a log that the query what-crashed finds. Each line is a log
// event.
func whatCrashed(t *testing.T, log string) string {
	t.Helper()
	template, err := os.ReadFile("../../../infra/observability.yaml")
	if err != nil {
		t.Fatal(err)
	}
	filter := regexp.MustCompile(`filter @message like /(.*Runtime exited.*)/`).FindSubmatch(template)
	if filter == nil {
		t.Fatal("infra/observability.yaml: the query what-crashed has no filter")
	}
	pattern := regexp.MustCompile(string(filter[1]))
	var found strings.Builder
	for line := range strings.Lines(log) {
		if pattern.MatchString(line) {
			found.WriteString(line)
		}
	}
	return found.String()
}

type crash struct{ Level, Msg, Error string }

// crashOf returns the error of a process that did not start. It must be the only line of the log.
func crashOf(t *testing.T, process *runtimeapi.Process) (c crash) {
	t.Helper()
	log := process.Stdout() + process.Stderr()
	if strings.Count(log, "\n") != 1 || whatCrashed(t, log) != log ||
		json.Unmarshal([]byte(log), &c) != nil || c.Level != "ERROR" {
		t.Errorf("the log is not a single error line that what-crashed finds: %s", log)
	}
	for _, counted := range countedMessages(t) {
		if c.Msg != counted {
			t.Errorf("the metric filter counts the message %q, but the log has %q", counted, c.Msg)
		}
	}
	return c
}

// countedMessages returns the messages of the metric filters, one for each function.
func countedMessages(t *testing.T) (messages []string) {
	t.Helper()
	template, err := os.ReadFile("../../../infra/observability.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, filter := range regexp.MustCompile(`FilterPattern: '\{ \$\.msg = "(.*)" \}'`).FindAllSubmatch(template, -1) {
		messages = append(messages, string(filter[1]))
	}
	if len(messages) != 2 {
		t.Errorf("infra/observability.yaml has filters of the messages %q, want two", messages)
	}
	return messages
}

func TestBootstrapNamesEveryWrongVariable(t *testing.T) {
	for pkg, names := range map[string][]string{
		portalPackage: {"CUSTOMERS_TABLE", "STRIPE_SECRET_ID", "STRIPE_LIVEMODE", "JWT_ISSUER", "JWT_AUDIENCE",
			"ALLOWED_ORIGINS", "DEFAULT_RETURN_URL"},
		webhookPackage: {"CUSTOMERS_TABLE", "STRIPE_LIVEMODE", "WEBHOOK_SECRET_ID"},
	} {
		bootstrap := runtimeapi.Build(t, pkg) // it may take minutes, so the time limit starts after it
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		t.Cleanup(cancel)
		process, err := runtimeapi.Start(ctx, bootstrap,
			[]string{"STRIPE_LIVEMODE=perhaps", "JWT_ISSUER=http://evil.example"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(process.Stop)
		if process.Ready(ctx) == nil {
			t.Fatal("it started")
		}
		<-process.Exited()
		crash := crashOf(t, process)
		for _, name := range names {
			if !strings.Contains(crash.Error, name) {
				t.Errorf("%s is missing from: %+v", name, crash)
			}
		}
	}
}

// The preflight function starts with any configuration, so that it can report errors.
func TestBootstrapOfPreflightNamesEveryWrongVariable(t *testing.T) {
	wrong := []string{"AWS_REGION=EU Central", "AWS_ENDPOINT_URL_LAMBDA=http://evil.example",
		"AWS_ENDPOINT_URL_CODEDEPLOY=http://127.0.0.1:1"}
	process, err := runtimeapi.Start(t.Context(), runtimeapi.Build(t, preflightPackage), wrong)
	if err != nil {
		t.Fatal(err)
	}
	defer process.Stop()
	if _, functionError, err := process.Invoke(t.Context(),
		[]byte(`{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"hook-1"}`),
		time.Now().Add(30*time.Second)); err != nil || functionError == nil {
		// CodeDeploy is not available
		t.Errorf("error %v, function error %s; want a function error", err, functionError)
	}
	var found bool
	for line := range strings.Lines(process.Stdout()) {
		found = found || strings.Contains(line, `"level":"ERROR"`) && strings.Contains(line, "AWS_REGION") &&
			strings.Contains(line, "AWS_ENDPOINT_URL_LAMBDA")
	}
	if !found {
		t.Errorf("no line names both variables: %s", process.Stdout())
	}
}
