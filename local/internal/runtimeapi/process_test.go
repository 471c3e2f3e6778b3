package runtimeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const bootstrap = "billingportal/local/internal/runtimeapi/testdata/bootstrap"

// long is a deadline that no test reaches.
func long() time.Time { return time.Now().Add(time.Minute) }

func start(t *testing.T, env ...string) *Process {
	t.Helper()
	p, err := Start(t.Context(), Build(t, bootstrap), env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// invoke sends a command to the function and decodes its response.
func invoke(t *testing.T, p *Process, do string, response any) {
	t.Helper()
	out, functionError, err := p.Invoke(t.Context(), []byte(`"`+do+`"`), long())
	if err != nil || functionError != nil {
		t.Fatalf("%s: %s, %v; stderr %s", do, functionError, err, p.Stderr())
	}
	if err := json.Unmarshal(out, response); err != nil {
		t.Fatalf("%s: %s: %v", do, out, err)
	}
}

// wantError sends a command that fails, and matches the type and message in the error document of
// Lambda with two patterns.
func wantError(t *testing.T, p *Process, do string, deadline time.Time, errorType, message string) {
	t.Helper()
	out, functionError, err := p.Invoke(t.Context(), []byte(`"`+do+`"`), deadline)
	if err != nil || out != nil {
		t.Fatalf("%s: response %s, %v", do, out, err)
	}
	var doc struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal(functionError, &doc); err != nil {
		t.Fatalf("%s: %s: %v", do, functionError, err)
	}
	if doc.ErrorType != errorType || !regexp.MustCompile("^"+message+"$").MatchString(doc.ErrorMessage) {
		t.Errorf("%s: %q %q, want %q %q", do, doc.ErrorType, doc.ErrorMessage, errorType, message)
	}
}

func wantExited(t *testing.T, p *Process) {
	t.Helper()
	select {
	case <-p.Exited():
	case <-time.After(time.Minute):
		t.Fatal("the process did not exit")
	}
}

func TestFirstAndWarm(t *testing.T) {
	p := start(t)
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	ready := p.Times()
	if ready.FirstNext.Before(ready.Started) || !ready.Dispatched.IsZero() || !ready.Answered.IsZero() {
		t.Errorf("times before an invocation: %+v", ready)
	}
	var last Times
	for want := 1; want <= 3; want++ {
		var calls int
		invoke(t, p, "calls", &calls)
		if calls != want {
			t.Errorf("invocation %d was counted as %d by its process", want, calls)
		}
		times := p.Times()
		if times.FirstNext != ready.FirstNext || times.Dispatched.Before(last.Answered) ||
			times.Answered.Before(times.Dispatched) {
			t.Errorf("times after %d invocations: %+v", want, times)
		}
		last = times
	}
}

func TestInvocationContext(t *testing.T) {
	p := start(t)
	var got struct {
		ID, ARN, Trace string
		Deadline       int64
	}
	deadline := long()
	out, _, err := p.Invoke(t.Context(), []byte(`"context"`), deadline)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(
		`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(got.ID) ||
		got.ARN != "arn:aws:lambda:eu-central-1:123456789012:function:billing-portal" ||
		got.Deadline != deadline.UnixMilli() ||
		!regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`).MatchString(got.Trace) {
		t.Errorf("the context of the invocation is %+v", got)
	}
}

// The function sees the variables that Lambda and the test set, but not those of the machine.
func TestEnvironment(t *testing.T) {
	t.Setenv("OF_THE_MACHINE", "1")
	p := start(t, "OF_THE_TEST=1", "AWS_REGION=us-east-1")
	var list []string
	invoke(t, p, "environment", &list)
	got := map[string]string{}
	for _, v := range list {
		name, value, _ := strings.Cut(v, "=")
		got[name] = value
	}
	if api := got["AWS_LAMBDA_RUNTIME_API"]; !strings.HasPrefix(api, "127.0.0.1:") {
		t.Errorf("AWS_LAMBDA_RUNTIME_API=%s", api)
	}
	// the runtime sets it from the header
	if trace := got["_X_AMZN_TRACE_ID"]; !strings.HasPrefix(trace, "Root=1-") {
		t.Errorf("_X_AMZN_TRACE_ID=%s", trace)
	}
	delete(got, "AWS_LAMBDA_RUNTIME_API")
	delete(got, "_X_AMZN_TRACE_ID")
	want := map[string]string{
		"OF_THE_TEST": "1", "_HANDLER": "bootstrap", "LAMBDA_TASK_ROOT": p.cmd.Dir,
		"LAMBDA_RUNTIME_DIR": "/var/runtime",
		"AWS_REGION":         "us-east-1", "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test",
		"AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "test",
		"AWS_LAMBDA_FUNCTION_NAME": "billing-portal", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/billing-portal",
		"AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]00000000000000000000000000000000",
		"LANG":                       "en_US.UTF-8", "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin", "TZ": ":UTC",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFunctionErrorDoesNotEndTheProcess(t *testing.T) {
	p := start(t)
	wantError(t, p, "error", long(), "errorString", "as told")
	var calls int
	if invoke(t, p, "calls", &calls); calls != 2 {
		t.Errorf("the process counted %d invocations, want 2", calls)
	}
}

func TestProcessThatEnds(t *testing.T) {
	const id = `RequestId: [0-9a-f-]{36} Error: `
	for do, want := range map[string]struct{ errorType, message, after string }{
		"panic": {"string", "as told", id + "Runtime exited with error: exit status 1"},
		"exit": {"Runtime.ExitError", id + "Runtime exited with error: exit status 3",
			id + "Runtime exited with error: exit status 3"},
		"leave": {"Runtime.ExitError", id + "Runtime exited without providing a reason",
			id + "Runtime exited without providing a reason"},
	} {
		t.Run(do, func(t *testing.T) {
			p := start(t)
			wantError(t, p, do, long(), want.errorType, want.message)
			wantExited(t, p)
			wantError(t, p, "calls", long(), "Runtime.ExitError", want.after)
			if err := p.Ready(t.Context()); err == nil {
				t.Error("Ready returned no error after the process exited")
			}
		})
	}
}

func TestInvocationIsKilledAtItsDeadline(t *testing.T) {
	p := start(t)
	var calls int
	invoke(t, p, "calls", &calls)
	wantError(t, p, "hang", time.Now().Add(time.Second), "Sandbox.Timedout",
		`RequestId: [0-9a-f-]{36} Error: Task timed out after \d\.\d\d seconds`)
	wantExited(t, p)
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", p.cmd.Process.Pid)); err == nil {
		t.Error("the process was not reaped")
	}
	if !strings.Contains(p.Stdout(), "stdout: hang\n") {
		t.Errorf("the output before the kill is lost: %q", p.Stdout())
	}
	wantError(t, p, "calls", long(), "Runtime.ExitError", `.*signal: killed`)
}

func TestInitError(t *testing.T) {
	for init, want := range map[string]struct{ errorType, message, stderr string }{
		"exit": {"Runtime.ExitError", `RequestId: .* Error: Runtime exited with error: exit status 1`,
			"configuration: nothing is right"},
		"error": {"Init", "no", ""},
	} {
		t.Run(init, func(t *testing.T) {
			p := start(t, "INIT="+init)
			wantError(t, p, "calls", long(), want.errorType, want.message)
			wantExited(t, p)
			if !p.Times().FirstNext.IsZero() || !strings.Contains(p.Stderr(), want.stderr) {
				t.Errorf("%+v, stderr %q", p.Times(), p.Stderr())
			}
		})
	}
	t.Run("hang", func(t *testing.T) {
		p := start(t, "INIT=hang")
		wantError(t, p, "calls", time.Now().Add(300*time.Millisecond), "Sandbox.Timedout", ".*Task timed out.*")
		wantExited(t, p)
	})
}

func TestSizeLimits(t *testing.T) {
	p := start(t)
	if _, _, err := p.Invoke(t.Context(), bytes.Repeat([]byte("a"), 6_291_557), long()); err == nil {
		t.Error("an event of more than 6 MB was accepted")
	}
	wantError(t, p, "large", long(), "Function.ResponseSizeTooLarge", "Response payload size exceeded .*")
}

// Lambda never sends a second event to a process before the response to the first.
func TestOneInvocationAtATime(t *testing.T) {
	p := start(t)
	const n = 20
	done := make(chan int, n)
	for range n {
		go func() {
			out, functionError, err := p.Invoke(context.Background(), []byte(`"calls"`), long())
			if err != nil || functionError != nil {
				t.Errorf("%s, %v", functionError, err)
			}
			var calls int
			if err := json.Unmarshal(out, &calls); err != nil {
				t.Error(err)
			}
			done <- calls
		}()
	}
	var got []int
	for range n {
		got = append(got, <-done)
	}
	slices.Sort(got)
	if len(slices.Compact(got)) != n || got[0] != 1 || got[n-1] != n {
		t.Errorf("the process counted the invocations as %v, want each number once", got)
	}
}

func TestOutputIsComplete(t *testing.T) {
	p := start(t)
	var want strings.Builder
	for i := range 10 {
		do := fmt.Sprintf("%d %s", i, strings.Repeat("x", 10_000))
		var echo string
		invoke(t, p, do, &echo)
		fmt.Fprintf(&want, "stdout: %s\n", do)
		// All output is available with the response, without waiting.
		if p.Stdout() != want.String() || p.Stderr() != strings.ReplaceAll(want.String(), "stdout", "stderr") {
			t.Fatalf("after %d invocations %d and %d bytes, want %d", i+1, len(p.Stdout()), len(p.Stderr()), want.Len())
		}
	}
	p.Stop()
	if p.Stdout() != want.String() {
		t.Error("the output of a stopped process is incomplete")
	}
}

func TestStop(t *testing.T) {
	p := start(t)
	p.Stop()
	wantExited(t, p)
	p.Stop() // the second call does nothing

	ctx, cancel := context.WithCancel(t.Context())
	p, err := Start(ctx, Build(t, bootstrap), nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	wantExited(t, p)

	p = start(t)
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := p.Invoke(ctx, []byte(`"hang"`), long()); err == nil {
		t.Error("Invoke returned no error after its context ended")
	}
	wantExited(t, p)
}

func TestStartOfAMissingFile(t *testing.T) {
	if p, err := Start(t.Context(), filepath.Join(t.TempDir(), "bootstrap"), nil); err == nil {
		p.Stop()
		t.Error("Start returned no error for a missing file")
	}
}

func TestBuildFails(t *testing.T) {
	var got string
	Build(fatal{t, &got}, "billingportal/local/internal/runtimeapi/testdata/absent")
	if !strings.Contains(got, "go build") {
		t.Errorf("the error of a build that fails is %q", got)
	}
}

type fatal struct {
	*testing.T
	text *string
}

func (f fatal) Fatalf(format string, args ...any) { *f.text = fmt.Sprintf(format, args...) }
