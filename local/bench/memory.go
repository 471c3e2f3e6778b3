package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"billingportal/local/internal/runtimeapi"
)

// What a function on arm64 costs, in dollars (https://aws.amazon.com/lambda/pricing/, most regions).
const (
	perGBSecond        = 0.0000133334
	perMillionRequests = 0.20
)

// fullCPU is the memory size in MB that comes with one CPU
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
const fullCPU = 1769

func memorySizes() []int { return []int{128, 256, 512, 1024, fullCPU} }

// memory measures the function, as it sets itself and with other settings of the Go runtime, and the plain version with the
// share of a CPU that comes with each memory size.
func memory(ctx context.Context, o options, out io.Writer) error {
	programs, err := build(ctx, o)
	if err != nil {
		return err
	}
	floor, portal, plain := programs[0], programs[1], programs[2]
	with := func(setting string) program {
		p := portal
		p.name, p.env = portalName+", "+setting, append([]string{setting}, o.settings...)
		return p
	}
	programs = []program{floor, portal, with("GOMAXPROCS=2"), with("GOGC=50"), with("GOGC=100"), plain}
	lab, err := newLaboratory(o.distances)
	if err != nil {
		return err
	}
	defer lab.close()
	describeSetting(out, o)
	fmt.Fprintln(out, "| memory | CPU share | | start to first answer, ms | warm median, ms | warm p99, ms | CPU, ms | peak memory, MB | $ per million |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|")
	for _, size := range memorySizes() {
		share := float64(size) / fullCPU
		for _, p := range programs {
			starts, w, err := lab.throttled(ctx, p, share, o)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "| %d MB | %.2f | %s | %.0f | %.1f | %.1f | %.2f | %.1f | %.2f |\n", size, share, p.name,
				milliseconds(median(starts)), milliseconds(median(w.times)), milliseconds(quantile(w.times, 0.99)),
				milliseconds(w.cpu), float64(w.peakRSS)/1e6, costOfMillion(size, w.times))
		}
	}
	return nil
}

// throttled measures a program that has a share of one CPU, from its start on.
func (l *laboratory) throttled(ctx context.Context, p program, share float64, o options) ([]time.Duration, warm, error) {
	group, err := newCPUGroup(share)
	if err != nil {
		return nil, warm{}, err
	}
	defer group.remove()
	if p.path, err = group.launcher(l.dir, p.path); err != nil {
		return nil, warm{}, err
	}
	var starts []time.Duration
	for range o.starts - 1 {
		process, s, err := l.start(ctx, p)
		if err != nil {
			return nil, warm{}, err
		}
		process.Stop()
		starts = append(starts, s.firstAnswer)
	}
	process, s, err := l.start(ctx, p)
	if err != nil {
		return nil, warm{}, err
	}
	defer process.Stop()
	results, err := l.requests(ctx, []program{p}, []*runtimeapi.Process{process}, o.requests)
	if err != nil {
		return nil, warm{}, err
	}
	return append(starts, s.firstAnswer), results[0], nil
}

// costOfMillion is what a million warm requests cost in dollars: each is billed by the millisecond that it has begun.
func costOfMillion(sizeMB int, times []time.Duration) float64 {
	billed := 0.0
	for _, t := range times {
		billed += math.Ceil(milliseconds(t)) / 1000
	}
	return billed/float64(len(times))*1e6*float64(sizeMB)/1024*perGBSecond + perMillionRequests
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
