package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"billingportal/local/bench/internal/cloud"
	"billingportal/local/internal/runtimeapi"
)

// result holds all measurements of a program.
type result struct {
	program
	starts []start
	warm   warm
}

// compare measures all programs at each size. The programs take turns, so that other work on the
// machine slows all of them down equally.
func compare(ctx context.Context, o options, out io.Writer) error {
	b, err := newTestbed(o.distances)
	if err != nil {
		return err
	}
	defer b.close()
	programs, err := b.programs(ctx, o)
	if err != nil {
		return err
	}
	describeSetting(out, o)
	for _, size := range compared() {
		results, err := b.inTurns(ctx, programs, size.memory, o)
		if errors.Is(err, errNoCPUGroup) {
			fmt.Fprintf(out, "%s: not measured: %v\n\n", size.name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", size.name, err)
		}
		printTable(out, size, results)
		if size.memory == 0 {
			printTraffic(out, results)
		}
	}
	return b.compareWebhook(ctx, programs[1], o, out)
}

// warmed is the number of processes of each program that share the warm requests. The CPU time of a
// request depends on luck: two processes of the same program can differ by 10 % for their whole
// life.
const warmed = 3

// inTurns measures programs in turns. Each gets the share of a CPU that a Lambda function with that
// memory size (in MB) gets. 0 sets no limit.
func (b *testbed) inTurns(ctx context.Context, programs []program, memory int, o options) ([]result, error) {
	results := make([]result, len(programs))
	limited := make([]program, len(programs))
	groups := make([]*cpuGroup, len(programs))
	defer func() {
		for _, group := range groups {
			group.remove()
		}
	}()
	for i, p := range programs {
		results[i].program = p
		var err error
		if limited[i], groups[i], err = b.limit(p, memory); err != nil {
			return nil, err
		}
	}
	var running []*runtimeapi.Process // the last processes of each program
	var called []program              // the program of each running process
	var owners []int                  // the index in results of each running process
	defer func() {
		for _, process := range running {
			process.Stop()
		}
	}()
	for round := range o.starts {
		for _, i := range turns(len(limited)) {
			process, s, err := b.start(ctx, limited[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", limited[i].name, err)
			}
			results[i].starts = append(results[i].starts, s)
			if round < o.starts-warmed {
				process.Stop()
				continue
			}
			running, called, owners = append(running, process), append(called, programs[i]), append(owners, i)
		}
	}
	each := (o.requests + warmed - 1) / warmed
	warm, err := b.requests(ctx, called, running, each)
	if err != nil {
		return nil, err
	}
	for n, i := range owners {
		results[i].warm = results[i].warm.and(warm[n])
	}
	return results, nil
}

// turns returns the order of a round. The order is random because a program that always runs after
// itself finds its binary in the CPU caches.
func turns(n int) []int { return rand.Perm(n) } //nolint:gosec // nothing secret

// errNoCPUGroup means that this system or user cannot limit the CPU of a program.
var errNoCPUGroup = errors.New("cannot limit the CPU")

// limit gives a program the share of a CPU that a Lambda function with that memory size gets. The
// caller removes the group.
func (b *testbed) limit(p program, memory int) (program, *cpuGroup, error) {
	if memory == 0 {
		return p, nil, nil
	}
	group, err := newCPUGroup(p.name, share(memory))
	if err != nil {
		return p, nil, err
	}
	if p.path, err = group.launcher(b.dir, p.path); err != nil {
		group.remove()
		return p, nil, err
	}
	return p, group, nil
}

// size is a share of the machine for the programs, with the targets of the portal at this size.
type size struct {
	name    string // a heading in README.md
	memory  int    // MB of a Lambda function; 0: no limit
	targets map[string]targets
}

// targets are the upper limits for the portal. 0 sets no limit.
type targets struct {
	toFloor, toPlain float64 // ratios
	most             float64 // in the row's unit
}

func compared() []size {
	return []size{
		{name: "512 MB, the default", memory: 512, targets: map[string]targets{
			firstAnswer: {toFloor: 1.15},
			warmCPU:     {toPlain: 0.85},
			peakMemory:  {most: 64},
			binarySize:  {toPlain: 0.9},
		}},
		{name: "A whole CPU", targets: map[string]targets{
			firstAnswer: {toFloor: 1.12, toPlain: 0.65},
			warmMedian:  {toFloor: 1.04},
			warmCPU:     {toPlain: 0.95},
			peakMemory:  {most: 64},
			binarySize:  {toPlain: 0.9},
		}},
	}
}

// These rows have targets.
const (
	firstAnswer = "start to first answer, ms"
	warmMedian  = "warm request, median, ms"
	warmCPU     = "CPU of warm request, ms"
	peakMemory  = "peak resident memory, MB"
	binarySize  = "binary for Lambda, MB"
)

// row is a line of the table: one measurement of each program.
type row struct {
	name    string
	format  string
	measure func(result) float64
}

func rows() []row {
	ofStarts := func(aspect func(start) time.Duration) func(result) float64 {
		return func(r result) float64 { return milliseconds(median(each(r.starts, aspect))) }
	}
	return []row{
		{"start to first /next, ms", "%.1f", ofStarts(func(s start) time.Duration { return s.firstNext })},
		{firstAnswer, "%.1f", ofStarts(func(s start) time.Duration { return s.firstAnswer })},
		{warmMedian, "%.2f", func(r result) float64 { return milliseconds(median(r.warm.times)) }},
		{"warm request, p99, ms", "%.2f", func(r result) float64 { return milliseconds(quantile(r.warm.times, 0.99)) }},
		{"CPU to first /next, ms", "%.1f", ofStarts(func(s start) time.Duration { return s.initCPU })},
		{"CPU of first request, ms", "%.1f", ofStarts(func(s start) time.Duration { return s.firstCPU })},
		{warmCPU, "%.2f", func(r result) float64 { return milliseconds(r.warm.cpuOfOne()) }},
		{peakMemory, "%.1f", func(r result) float64 { return float64(r.warm.peakRSS) / 1e6 }},
		{binarySize, "%.1f", func(r result) float64 { return float64(r.binary) / 1e6 }},
	}
}

// coldTraffic returns the traffic of the first request of the last start, start-up included.
func (r result) coldTraffic() map[string]cloud.Traffic { return r.starts[len(r.starts)-1].traffic }
