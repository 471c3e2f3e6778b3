package app

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"billingportal/functions/internal/runtimeloop"
)

// Serve gives Lambda's invocations to a handler until the Runtime API fails, and
// returns why. It sets the Go runtime to serve one request at a time, which is
// all that Lambda sends; GOMAXPROCS and GOGC in the environment count for more.
func Serve(ctx context.Context, getenv func(string) string, handler lambda.Handler) error {
	api := getenv("AWS_LAMBDA_RUNTIME_API")
	if api == "" || lambdacontext.MaxConcurrency() > 1 {
		lambda.Start(handler) // which has something to say about the former
		return nil
	}
	// stripe-go runs uname for a header of its first request, which waits for it.
	// Nothing else here starts a process, so there is none to find.
	if err := os.Unsetenv("PATH"); err != nil {
		return err
	}
	// A second thread for Go code has nothing to do but to be woken, which takes a
	// fifth of the CPU time of a warm request.
	if getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	// Half of the garbage that Go would let lie costs a hundredth of the CPU time
	// and saves 1.3 MB.
	if getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	return runtimeloop.Run(ctx, api, handler)
}
