// Command profiled is the portal function with a CPU profile of its warm requests and a heap profile after them.
package main

import (
	"context"
	"log"
	"os"
	"runtime/pprof"
	"strconv"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app"
)

func main() {
	handler, err := app.Portal(context.Background(), os.Getenv, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	requests, err := strconv.Atoi(os.Getenv("BENCH_REQUESTS"))
	if err != nil {
		log.Fatal(err)
	}
	if err := app.Serve(os.Getenv, &profiled{handler: handler, left: requests}); err != nil {
		log.Fatal(err)
	}
}

// profiled takes the profile from the end of the first request to that of the last.
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
		if p.cpu, err = os.Create(os.Getenv("BENCH_CPU")); err != nil { //nolint:gosec // the measurement says where
			return nil, err
		}
		return answer, pprof.StartCPUProfile(p.cpu)
	}
	return answer, nil
}

func writeHeap(path string) error {
	file, err := os.Create(path) //nolint:gosec // the measurement says where
	if err != nil {
		return err
	}
	defer file.Close()
	return pprof.Lookup("allocs").WriteTo(file, 0)
}
