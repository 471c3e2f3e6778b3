package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// Prices of a function on arm64, in dollars (https://aws.amazon.com/lambda/pricing/, most regions).
const (
	perGBSecond        = 0.0000133334
	perMillionRequests = 0.20
)

// fullCPU is the memory size in MB that comes with one CPU
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
const fullCPU = 1769

func share(memory int) float64 { return float64(memory) / fullCPU }

// memory measures the function with its own settings and with other settings of the Go runtime, and
// the plain version. Each gets the share of a CPU that comes with each memory size.
func memory(ctx context.Context, o options, out io.Writer) error {
	b, err := newTestbed(o.distances)
	if err != nil {
		return err
	}
	defer b.close()
	programs, err := b.programs(ctx, o)
	if err != nil {
		return err
	}
	floor, portal, plain := programs[0], programs[1], programs[2]
	with := func(setting string) program {
		p := portal
		p.name, p.env = portalName+", "+setting, append([]string{setting}, o.settings...)
		return p
	}
	again := portal
	again.name, again.env = portalName+", certificates three times", append(slices.Clip(o.settings), plain.env...)
	programs = []program{floor, portal, again, with("GOMAXPROCS=2"), with("GOGC=70"), with("GOGC=100"),
		with("GOGC=400"), plain}
	describeSetting(out, o)
	fmt.Fprintln(out, "| memory | CPU share | | start to first answer, ms | warm median, ms | warm p99, ms | CPU, ms "+
		"| peak memory, MB | $ per million |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|")
	for _, size := range o.sizes {
		results, err := b.inTurns(ctx, programs, size, o)
		if err != nil {
			return err
		}
		for _, r := range results {
			first := median(each(r.starts, func(s start) time.Duration { return s.firstAnswer }))
			fmt.Fprintf(out, "| %d MB | %.2f | %s | %.0f | %.1f | %.1f | %.2f | %.1f | %.2f |\n",
				size, share(size), r.name,
				milliseconds(first), milliseconds(median(r.warm.times)), milliseconds(quantile(r.warm.times, 0.99)),
				milliseconds(r.warm.cpuOfOne()), float64(r.warm.peakRSS)/1e6, costOfMillion(size, r.warm.times))
		}
	}
	return nil
}

// costOfMillion returns the price of a million warm requests in dollars. Lambda bills each request
// by the millisecond, rounded up.
func costOfMillion(sizeMB int, times []time.Duration) float64 {
	billed := 0.0
	for _, t := range times {
		billed += math.Ceil(milliseconds(t)) / 1000
	}
	return billed/float64(len(times))*1e6*float64(sizeMB)/1024*perGBSecond + perMillionRequests
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
