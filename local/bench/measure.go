package main

import (
	"context"
	"slices"
	"time"

	"billingportal/local/bench/internal/cloud"
	"billingportal/local/internal/runtimeapi"
)

// start holds the measurements of a cold start.
type start struct {
	firstNext   time.Duration // from process start to the first request for an invocation
	firstAnswer time.Duration // from process start to the response of the first invocation
	initCPU     time.Duration // until the first request for an invocation
	firstCPU    time.Duration // from then until the next one
	traffic     map[string]cloud.Traffic
}

// start starts a program with an invocation already waiting for it, as in a cold start. The process
// keeps running.
func (b *testbed) start(ctx context.Context, p program) (*runtimeapi.Process, start, error) {
	before := b.cloud.Traffic()
	process, err := runtimeapi.Start(ctx, p.path, slices.Concat(b.env, p.env))
	if err != nil {
		return nil, start{}, err
	}
	initialized := make(chan runtimeapi.Usage, 1)
	go func() {
		_ = process.Ready(ctx) // call reports if the process exits
		usage, _ := process.Usage()
		initialized <- usage
	}()
	if err := p.call(ctx, b, process); err != nil {
		process.Stop()
		return nil, start{}, err
	}
	times := process.Times()
	if err := process.Ready(ctx); err != nil {
		return nil, start{}, err
	}
	after, err := process.Usage()
	if err != nil {
		return nil, start{}, err
	}
	atNext := <-initialized
	s := start{
		firstNext:   times.FirstNext.Sub(times.Started),
		firstAnswer: times.Answered.Sub(times.Started),
		initCPU:     atNext.CPU,
		firstCPU:    after.CPU - atNext.CPU,
		traffic:     map[string]cloud.Traffic{},
	}
	for name, traffic := range b.cloud.Traffic() {
		s.traffic[name] = traffic.Minus(before[name])
	}
	return process, s, nil
}

// warm holds the measurements of requests to running processes.
type warm struct {
	times   []time.Duration
	cpu     time.Duration // for all of them
	peakRSS int64
	traffic map[string]cloud.Traffic // for all of them
}

// and joins the measurements of two processes of a program.
func (w warm) and(other warm) warm {
	joined := warm{
		times:   slices.Concat(w.times, other.times),
		cpu:     w.cpu + other.cpu,
		peakRSS: max(w.peakRSS, other.peakRSS),
		traffic: map[string]cloud.Traffic{},
	}
	for _, upstream := range cloud.Upstreams() {
		one, two := w.traffic[upstream], other.traffic[upstream]
		joined.traffic[upstream] = cloud.Traffic{Connections: one.Connections + two.Connections,
			Calls: one.Calls + two.Calls}
	}
	return joined
}

// cpuOfOne returns the mean CPU time of a request.
func (w warm) cpuOfOne() time.Duration { return w.cpu / time.Duration(len(w.times)) }

// requests sends each process a request in turn, n times, and returns the measurements.
func (b *testbed) requests(ctx context.Context, programs []program, processes []*runtimeapi.Process,
	n int) ([]warm, error) {
	results := make([]warm, len(processes))
	before := make([]runtimeapi.Usage, len(processes))
	for i, process := range processes {
		var err error
		if before[i], err = process.Usage(); err != nil {
			return nil, err
		}
		results[i].traffic = map[string]cloud.Traffic{}
	}
	for range n {
		for _, i := range turns(len(processes)) {
			process, traffic := processes[i], b.cloud.Traffic()
			if err := programs[i].call(ctx, b, process); err != nil {
				return nil, err
			}
			times := process.Times()
			results[i].times = append(results[i].times, times.Answered.Sub(times.Dispatched))
			if err := process.Ready(ctx); err != nil {
				return nil, err
			}
			for name, now := range b.cloud.Traffic() {
				more, sum := now.Minus(traffic[name]), results[i].traffic[name]
				results[i].traffic[name] = cloud.Traffic{Connections: sum.Connections + more.Connections,
					Calls: sum.Calls + more.Calls}
			}
		}
	}
	for i, process := range processes {
		usage, err := process.Usage()
		if err != nil {
			return nil, err
		}
		results[i].cpu = usage.CPU - before[i].CPU
		results[i].peakRSS = usage.PeakRSS
	}
	return results, nil
}
