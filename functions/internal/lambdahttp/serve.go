package lambdahttp

import (
	"os"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
)

// Serve sets up the process, assembles a handler, which may connect to its upstreams already, and
// gives it Lambda's invocations. It returns only an error: of the setup or of assemble.
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

// setRuntimeLimits sets the process to serve one request at a time, which is all that Lambda sends.
// GOMAXPROCS and GOGC in the environment take precedence.
func setRuntimeLimits(getenv func(string) string) error {
	// A second thread for Go code costs CPU time and makes no answer faster.
	if getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	// Little of the memory is live, so collections cost CPU time and free little. Fewer of them
	// take 4 to 9% off the CPU time of a warm request, for 5 MB (local/bench/README.md). A peak of
	// 21 MB, of at least 128, needs no limit (GOMEMLIMIT).
	if getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	// stripe-go runs uname before its first request, for a header. Nothing here needs another
	// program.
	return os.Unsetenv("PATH")
}
