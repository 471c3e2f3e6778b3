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
	fmt.Fprintf(out, "%s, %d cores, %s/%s, %s\n", processor(), runtime.NumCPU(), runtime.GOOS,
		runtime.GOARCH, runtime.Version())
	fmt.Fprintf(out,
		"round trips: AWS %v, issuer %v, Stripe %v; medians of %d starts, in turns; %d warm requests each\n\n",
		o.distances.AWS, o.distances.Issuer, o.distances.Stripe, o.starts, o.requests)
}

// processor returns the name of the CPU if the system provides it.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

func printTable(out io.Writer, size size, results []result) {
	of := map[string]result{}
	for _, r := range results {
		of[r.name] = r
	}
	fmt.Fprintf(out, "%s\n\n| | floor | portal | plain | to the floor | to the plain version "+
		"|\n|---|---|---|---|---|---|\n", size.name)
	for _, row := range rows() {
		floor, portal, plain := row.measure(of[floorName]), row.measure(of[portalName]), row.measure(of[plainName])
		target := size.targets[row.name]
		value := fmt.Sprintf(row.format, portal)
		if target.most != 0 {
			value = atMost(row.format, portal, target.most)
		}
		fmt.Fprintf(out, "| %s | "+row.format+" | %s | "+row.format+" | %s | %s |\n",
			row.name, floor, value, plain, verdict(portal, floor, target.toFloor),
			verdict(portal, plain, target.toPlain))
	}
	fmt.Fprintln(out)
}

// verdict formats a ratio, with its upper limit if it has a target.
func verdict(value, reference, target float64) string {
	ratio := value / reference
	if target == 0 {
		return fmt.Sprintf("%.2f", ratio)
	}
	return atMost("%.2f", ratio, target)
}

func atMost(format string, value, target float64) string {
	if value <= target {
		return fmt.Sprintf(format+" ≤ "+format+" PASS", value, target)
	}
	return fmt.Sprintf(format+" > "+format+" FAIL", value, target)
}

func printTraffic(out io.Writer, results []result) {
	fmt.Fprintf(out, "| connections / calls | %s |\n|---%s|\n", strings.Join(cloud.Upstreams(), " | "),
		strings.Repeat("|---", len(cloud.Upstreams())))
	for _, r := range results {
		fmt.Fprintf(out, "| %s, start and first request |", r.name)
		for _, name := range cloud.Upstreams() {
			fmt.Fprintf(out, " %d / %d |", r.coldTraffic()[name].Connections, r.coldTraffic()[name].Calls)
		}
		fmt.Fprintf(out, "\n| %s, %d warm requests |", r.name, len(r.warm.times))
		for _, name := range cloud.Upstreams() {
			fmt.Fprintf(out, " %d / %d |", r.warm.traffic[name].Connections, r.warm.traffic[name].Calls)
		}
		fmt.Fprintln(out)
	}
}
