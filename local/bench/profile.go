package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"billingportal/local/bench/internal/cloud"
	"billingportal/local/internal/runtimeapi"
)

// profile writes profiles of warm requests, without simulated distance: a CPU profile does not
// contain waits.
func profile(ctx context.Context, o options, dir string, out io.Writer) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	path, err := runtimeapi.Compile(ctx, "billingportal/local/bench/profiled", runtimeapi.Tags)
	if err != nil {
		return err
	}
	b, err := newTestbed(cloud.Distances{})
	if err != nil {
		return err
	}
	defer b.close()
	cpu, allocations := filepath.Join(dir, "cpu.pprof"), filepath.Join(dir, "allocs.pprof")
	b.env = append(b.env, fmt.Sprint("BENCH_REQUESTS=", o.requests), "BENCH_CPU="+cpu, "BENCH_HEAP="+allocations)
	process, err := runtimeapi.Start(ctx, path, b.env)
	if err != nil {
		return err
	}
	defer process.Stop()
	for range o.requests {
		if err := b.call(ctx, process); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "go tool pprof -top %s\ngo tool pprof -top -sample_index=alloc_space %s\n", cpu, allocations)
	return nil
}
