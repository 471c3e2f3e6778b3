package runtimeapi

import (
	"testing"
	"time"
)

func TestUsage(t *testing.T) {
	p := start(t)
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, err := p.Usage()
	if err != nil || before.CPU <= 0 || before.PeakRSS < 1<<20 || before.PeakRSS > 60<<20 {
		t.Fatalf("usage at the start: %+v, %v", before, err)
	}

	var n int
	invoke(t, p, "work", &n) // uses at least 64 MB and about 50 ms
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := p.Usage()
	if err != nil || after.CPU-before.CPU < time.Millisecond || after.PeakRSS < before.PeakRSS+60<<20 {
		t.Errorf("usage after the work: %+v, before: %+v, %v", after, before, err)
	}

	p.Stop()
	final, err := p.Usage()
	if err != nil || final.CPU < after.CPU-10*time.Millisecond || final.PeakRSS < after.PeakRSS {
		t.Errorf("usage after the exit: %+v, before: %+v, %v", final, after, err)
	}
}
