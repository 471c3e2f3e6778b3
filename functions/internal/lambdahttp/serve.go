package lambdahttp

import (
	"os"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
)

// Serve sets up the process, assembles a handler, which may connect to its upstreams already, and gives it Lambda's
// invocations. It returns only an error: of the setup or of assemble.
func Serve(getenv func(string) string, assemble func() (lambda.Handler, error)) error {
	if err := tune(getenv); err != nil {
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
	// stripe-go runs uname for a header of its first request, which waits for it.
	// Nothing else here starts a process, so there is none to find.
	return os.Unsetenv("PATH")
}
