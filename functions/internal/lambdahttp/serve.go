package lambdahttp

import (
	"os"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
)

// Serve sets up the process, assembles a handler, and passes Lambda's invocations to it. assemble
// may already connect to upstreams. Serve returns only if the setup or assemble fails.
func Serve(getenv func(string) string, assemble func() (lambda.Handler, error)) error {
	if err := setRuntimeLimits(getenv); err != nil {
		return err
	}
	if err := readCertificatesOnce(getenv, bundles()); err != nil {
		return err
	}
	handler, err := assemble()
	if err != nil {
		return err
	}
	lambda.Start(handler)
	return nil
}

// setRuntimeLimits tunes the process for one request at a time: Lambda sends no more than that.
// GOMAXPROCS and GOGC in the environment take precedence.
func setRuntimeLimits(getenv func(string) string) error {
	// A second thread for Go code costs CPU time and makes no answer faster.
	if getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	// Collect garbage less often. This saves 4 to 9% of the CPU time of a warm request, and costs
	// 5 MB of memory (local/bench/README.md). GOMEMLIMIT is not needed: the peak is 21 MB, and a
	// function has at least 128.
	if getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	// stripe-go runs uname before its first request, for a header. Without PATH it cannot, which
	// saves time. The function needs no other program.
	return os.Unsetenv("PATH")
}
