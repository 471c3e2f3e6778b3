package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"billingportal/local/bench/internal/cloud"
	"billingportal/local/internal/runtimeapi"
)

// result is all that is known of a program.
type result struct {
	program
	starts []start
	warm   warm
	binary int64 // bytes, built for Lambda
}

// compare measures all programs in turns, so that whatever else the machine does meets each of them.
func compare(ctx context.Context, o options, out io.Writer) error {
	programs, err := build(ctx, o)
	if err != nil {
		return err
	}
	lab, err := newLaboratory(o.distances)
	if err != nil {
		return err
	}
	defer lab.close()

	results, err := lab.inTurns(ctx, programs, o)
	if err != nil {
		return err
	}
	describeSetting(out, o)
	printTable(out, results)
	printTraffic(out, results, o.requests)
	return lab.compareWebhook(ctx, programs[1], o, out)
}

// inTurns measures programs in turns.
func (l *laboratory) inTurns(ctx context.Context, programs []program, o options) ([]result, error) {
	results := make([]result, len(programs))
	processes := make([]*runtimeapi.Process, len(programs))
	defer func() {
		for _, process := range processes {
			if process != nil {
				process.Stop()
			}
		}
	}()
	for i, p := range programs {
		results[i].program = p
		var err error
		if results[i].binary, err = sizeForLambda(ctx, p, l.dir); err != nil {
			return nil, err
		}
	}
	for round := range o.starts {
		for i, p := range programs {
			process, s, err := l.start(ctx, p)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			results[i].starts = append(results[i].starts, s)
			if round < o.starts-1 {
				process.Stop()
				continue
			}
			processes[i] = process
		}
	}
	warm, err := l.requests(ctx, programs, processes, o.requests)
	if err != nil {
		return nil, err
	}
	for i := range results {
		results[i].warm = warm[i]
	}
	return results, nil
}

// sizeForLambda builds a program as the template does, for Lambda's arm64, and returns the binary's size.
func sizeForLambda(ctx context.Context, p program, dir string) (int64, error) {
	path := filepath.Join(dir, "bootstrap-"+p.name)
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"build"}, runtimeapi.BuildFlags(p.tags), []string{"-o", path, p.pkg})...) //nolint:gosec // our own packages
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if output, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build %s for Lambda: %w\n%s", p.name, err, output)
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// row is one line of the table: a measure of each program, and what it should be at most in relation to others'.
type row struct {
	name             string
	measure          func(result) float64
	format           string
	toFloor, toPlain float64 // targets; 0: none
}

func rows() []row {
	ofStarts := func(aspect func(start) time.Duration) func(result) float64 {
		return func(r result) float64 { return milliseconds(median(each(r.starts, aspect))) }
	}
	return []row{
		{name: "start to first /next, ms", format: "%.1f", measure: ofStarts(func(s start) time.Duration { return s.firstNext })},
		{name: "start to first answer, ms", format: "%.1f", toFloor: 1.12, toPlain: 0.65, measure: ofStarts(func(s start) time.Duration { return s.firstAnswer })},
		{name: "warm request, median, ms", format: "%.2f", toFloor: 1.04, measure: func(r result) float64 { return milliseconds(median(r.warm.times)) }},
		{name: "warm request, p99, ms", format: "%.2f", measure: func(r result) float64 { return milliseconds(quantile(r.warm.times, 0.99)) }},
		{name: "CPU to first /next, ms", format: "%.1f", measure: ofStarts(func(s start) time.Duration { return s.initCPU })},
		{name: "CPU of first request, ms", format: "%.1f", measure: ofStarts(func(s start) time.Duration { return s.firstCPU })},
		{name: "CPU of warm request, ms", format: "%.2f", toPlain: 0.95, measure: func(r result) float64 { return milliseconds(r.warm.cpu) }},
		{name: "peak resident memory, MB", format: "%.1f", toFloor: 1.45, measure: func(r result) float64 { return float64(r.warm.peakRSS) / 1e6 }},
		{name: "binary for Lambda, MB", format: "%.1f", toPlain: 0.9, measure: func(r result) float64 { return float64(r.binary) / 1e6 }},
	}
}

// traffic of the first request of the last start, start-up included.
func (r result) coldTraffic() map[string]cloud.Traffic { return r.starts[len(r.starts)-1].traffic }
