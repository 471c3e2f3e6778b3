package lambdahttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
)

const child = "LAMBDAHTTP_TEST_CHILD"

// upper answers with its input in capitals, followed by the values that PATH and SSL_CERT_DIR had
// when it was assembled.
type upper struct{ found string }

func assembleUpper() (lambda.Handler, error) {
	return upper{os.Getenv("PATH") + os.Getenv("SSL_CERT_DIR")}, nil
}

func (u upper) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	return []byte(strings.ToUpper(string(payload)) + " on " + u.found), nil
}

// TestServeGivesLambdasInvocationsToTheHandler plays Lambda's side of the Runtime API. The function
// is this test's own binary. The process must be set up before the handler is assembled, because
// the assembly connects to the upstreams.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
func TestServeGivesLambdasInvocationsToTheHandler(t *testing.T) {
	if os.Getenv(child) != "" {
		t.Fatal(Serve(os.Getenv, assembleUpper))
	}
	ctx, cancel := context.WithCancel(t.Context())
	answers, invocations := make(chan string, 1), make(chan string, 1)
	invocations <- `"hello"`
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			answers <- r.URL.Path + " " + string(body)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		select {
		case payload := <-invocations:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "id-1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", "9999999999999")
			_, _ = io.WriteString(w, payload)
		case <-ctx.Done():
		}
	}))
	defer api.Close()

	function := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
	function.Env = []string{child + "=1",
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"), "PATH=/usr/bin"}
	if err := function.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = function.Wait() // fails if the function was killed, or ended too early
	}()
	select {
	case got := <-answers:
		want := `/2018-06-01/runtime/invocation/id-1/response "HELLO" on `
		if haveCertificates(bundles()) { // depends on this machine
			want += "/dev/null"
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
		cancel()
		<-ended
	case <-ended:
		cancel()
		t.Errorf("the function ended: %v", function.ProcessState)
	}
}

func TestServeReturnsTheErrorOfTheAssembly(t *testing.T) {
	want := errors.New("JWT_ISSUER is missing")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	t.Setenv("PATH", os.Getenv("PATH")) // restored after the test
	getenv := func(string) string { return "" }
	if err := Serve(getenv, func() (lambda.Handler, error) { return nil, want }); !errors.Is(err, want) {
		t.Errorf("err = %v, want %v", err, want)
	}
}

func TestTheProcessIsTunedUnlessTheEnvironmentDoesIt(t *testing.T) {
	threads, garbage := runtime.GOMAXPROCS(0), debug.SetGCPercent(100)
	defer func() {
		runtime.GOMAXPROCS(threads)
		debug.SetGCPercent(garbage)
	}()
	for name, test := range map[string]struct {
		environment      map[string]string
		threads, garbage int
	}{
		"no variables":   {nil, 1, 200},
		"both variables": {map[string]string{"GOMAXPROCS": "3", "GOGC": "100"}, 3, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", "/usr/bin")
			runtime.GOMAXPROCS(3)
			debug.SetGCPercent(100)
			if err := setRuntimeLimits(func(variable string) string { return test.environment[variable] }); err != nil {
				t.Fatal(err)
			}
			if got := runtime.GOMAXPROCS(0); got != test.threads {
				t.Errorf("GOMAXPROCS = %d", got)
			}
			if got := debug.SetGCPercent(100); got != test.garbage {
				t.Errorf("GOGC = %d", got)
			}
			if path, found := os.LookupEnv("PATH"); found {
				t.Errorf("PATH = %q", path)
			}
		})
	}
}
