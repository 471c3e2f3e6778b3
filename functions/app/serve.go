package app

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/internal/rawio"
	"billingportal/functions/internal/runtimeloop"
)

// Stdout is where a function's log lines go: its standard output.
func Stdout() io.Writer { return rawio.Writer(os.Stdout) }

// Serve gives Lambda's invocations to a handler until the Runtime API fails, and returns why.
func Serve(ctx context.Context, getenv func(string) string, handler lambda.Handler) error {
	api := getenv("AWS_LAMBDA_RUNTIME_API")
	if api == "" {
		return errors.New("AWS_LAMBDA_RUNTIME_API is missing: Lambda sets it, for a laptop there is `go run ./local`")
	}
	if err := tune(getenv); err != nil {
		return err
	}
	// The API is on this machine, and waits for as long as nobody calls: no proxy, and no time limit.
	return runtimeloop.Run(ctx, api, &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialRaw(ctx, new(net.Dialer), network, address)
		},
		DisableCompression: true,
	}, handler)
}

// tune sets the process to serve one request at a time, which is all that Lambda
// sends. GOMAXPROCS and GOGC in the environment count for more.
func tune(getenv func(string) string) error {
	// A second thread for Go code has little to do but to be woken.
	if getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	// A third less garbage than Go would let lie costs a fiftieth of the CPU time and
	// saves 1 MB of 17.
	if getenv("GOGC") == "" {
		debug.SetGCPercent(70)
	}
	// stripe-go runs uname for a header of its first request, which waits for it.
	// Nothing else here starts a process, so there is none to find.
	return os.Unsetenv("PATH")
}
