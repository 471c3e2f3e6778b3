package main

import (
	"math"
	"slices"
	"testing"
	"time"

	"billingportal/local/bench/internal/cloud"
)

func TestQuantile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = 100 - i
	}
	for _, test := range []struct {
		values []int
		q      float64
		want   int
	}{
		{hundred, 0.5, 50}, {hundred, 0.99, 99}, {hundred, 1, 100}, {hundred, 0, 1},
		{[]int{3, 1, 2}, 0.5, 2}, {[]int{4, 1}, 0.5, 1}, {[]int{7}, 0.99, 7},
	} {
		if got := quantile(test.values, test.q); got != test.want {
			t.Errorf("quantile(%d values, %v) = %d, want %d", len(test.values), test.q, got, test.want)
		}
	}
}

// Lambda bills 24.1 ms as 25 ms: 25,000 s of 0.5 GB, and the price of the requests.
func TestCostOfMillion(t *testing.T) {
	times := []time.Duration{24100 * time.Microsecond, 25 * time.Millisecond}
	if got, want := costOfMillion(512, times), 25_000*0.5*perGBSecond+perMillionRequests; math.Abs(got-want) > 1e-9 {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMeasurementsOfTwoProcessesAreJoined(t *testing.T) {
	one := warm{times: []time.Duration{2}, cpu: 10, peakRSS: 7,
		traffic: map[string]cloud.Traffic{"Stripe": {Connections: 1, Calls: 1}}}
	two := warm{times: []time.Duration{4, 6}, cpu: 20, peakRSS: 5,
		traffic: map[string]cloud.Traffic{"Stripe": {Calls: 2}}}
	joined := warm{}.and(one).and(two)
	if want := []time.Duration{2, 4, 6}; !slices.Equal(joined.times, want) {
		t.Errorf("times = %v, want %v", joined.times, want)
	}
	if joined.cpuOfOne() != 10 || joined.peakRSS != 7 {
		t.Errorf("CPU %d and peak %d, want 10 and 7", joined.cpuOfOne(), joined.peakRSS)
	}
	if got, want := joined.traffic["Stripe"], (cloud.Traffic{Connections: 1, Calls: 3}); got != want {
		t.Errorf("traffic = %v, want %v", got, want)
	}
}
