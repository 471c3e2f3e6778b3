// Command profiled is the portal function. It writes a CPU profile of warm requests, and then a
// heap profile.
package main

import (
	"context"
	"io"
	"os"
	"runtime/pprof"
	"strconv"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app"
	"billingportal/functions/app/portal"
)

func main() { app.Main(profiledPortal) }

func profiledPortal(ctx context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error) {
	requests, err := strconv.Atoi(getenv("BENCH_REQUESTS"))
	if err != nil {
		return nil, err
	}
	handler, err := portal.New(ctx, getenv, logs)
	return &profiled{handler: handler, left: requests}, err
}

// profiled profiles from the end of the first request to the end of the last.
type profiled struct {
	handler lambda.Handler
	cpu     *os.File
	left    int
}

func (p *profiled) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	answer, err := p.handler.Invoke(ctx, payload)
	if err != nil {
		return nil, err
	}
	if p.left--; p.left == 0 {
		pprof.StopCPUProfile()
		return answer, writeHeap(os.Getenv("BENCH_HEAP"))
	}
	if p.cpu == nil {
		if p.cpu, err = os.Create(os.Getenv("BENCH_CPU")); err != nil { //nolint:gosec // bench sets the path
			return nil, err
		}
		return answer, pprof.StartCPUProfile(p.cpu)
	}
	return answer, nil
}

func writeHeap(path string) error {
	file, err := os.Create(path) //nolint:gosec // bench sets the path
	if err != nil {
		return err
	}
	defer file.Close()
	return pprof.Lookup("allocs").WriteTo(file, 0)
}
