package app

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/internal/rawio"
)

// Stdout is where a function's log lines go: its standard output.
func Stdout() io.Writer { return rawio.Writer(os.Stdout, os.Stderr) }

// Serve gives Lambda's invocations to a handler. It returns only an error, where
// the process cannot be set up.
func Serve(getenv func(string) string, handler lambda.Handler) error {
	if err := tune(getenv); err != nil {
		return err
	}
	lambda.Start(handler)
	return nil
}

// tune sets the process to serve one request at a time, which is all that Lambda
// sends. GOMAXPROCS and GOGC in the environment count for more.
func tune(getenv func(string) string) error {
	// A second thread for Go code has little to do but to be woken.
	if getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	// A third less garbage than Go would let lie saves 1 MB of 17, and costs no CPU
	// time that could be measured.
	if getenv("GOGC") == "" {
		debug.SetGCPercent(70)
	}
	tuneRuntimeAPI()
	// stripe-go runs uname for a header of its first request, which waits for it.
	// Nothing else here starts a process, so there is none to find.
	return os.Unsetenv("PATH")
}

// tuneRuntimeAPI has the Runtime API's connection cost the scheduler little.
// aws-lambda-go makes its client from the shared transport, and cannot be told
// otherwise how to dial.
func tuneRuntimeAPI() {
	if shared, ok := http.DefaultTransport.(*http.Transport); ok {
		dial := shared.DialContext
		shared.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return rawio.Conn(conn), err
		}
	}
}
