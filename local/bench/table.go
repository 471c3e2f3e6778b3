package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"billingportal/local/bench/internal/cloud"
)

func describeSetting(out io.Writer, o options) {
	fmt.Fprintf(out, "%s, %d cores, %s/%s, %s\n", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Fprintf(out, "round trips: AWS %v, issuer %v, Stripe %v; medians of %d starts, in turns; %d warm requests each\n\n",
		o.distances.AWS, o.distances.Issuer, o.distances.Stripe, o.starts, o.requests)
}

// processor is the CPU's name where the system tells it.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

func printTable(out io.Writer, results []result) {
	of := map[string]result{}
	for _, r := range results {
		of[r.name] = r
	}
	fmt.Fprintln(out, "| | floor | portal | plain | to the floor | to the plain version |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|")
	for _, row := range rows() {
		floor, portal, plain := row.measure(of[floorName]), row.measure(of[portalName]), row.measure(of[plainName])
		fmt.Fprintf(out, "| %s | "+row.format+" | "+row.format+" | "+row.format+" | %s | %s |\n",
			row.name, floor, portal, plain, verdict(portal, floor, row.toFloor), verdict(portal, plain, row.toPlain))
	}
}

// verdict is a ratio beside what it should be at most.
func verdict(value, reference, target float64) string {
	ratio := value / reference
	switch {
	case target == 0:
		return fmt.Sprintf("%.2f", ratio)
	case ratio <= target:
		return fmt.Sprintf("%.2f ≤ %.2f PASS", ratio, target)
	}
	return fmt.Sprintf("%.2f > %.2f FAIL", ratio, target)
}

func printTraffic(out io.Writer, results []result, requests int) {
	fmt.Fprintf(out, "\n| connections / calls | %s |\n|---%s|\n", strings.Join(cloud.Upstreams(), " | "), strings.Repeat("|---", len(cloud.Upstreams())))
	for _, r := range results {
		fmt.Fprintf(out, "| %s, start and first request |", r.name)
		for _, name := range cloud.Upstreams() {
			fmt.Fprintf(out, " %d / %d |", r.coldTraffic()[name].Connections, r.coldTraffic()[name].Calls)
		}
		fmt.Fprintf(out, "\n| %s, %d warm requests |", r.name, requests)
		for _, name := range cloud.Upstreams() {
			fmt.Fprintf(out, " %d / %d |", r.warm.traffic[name].Connections, r.warm.traffic[name].Calls)
		}
		fmt.Fprintln(out)
	}
}
