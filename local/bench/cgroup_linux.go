package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// period is how often a group gets a new quota. It is short, as on Lambda, so that a request seldom
// waits for its quota.
const period = 20 * time.Millisecond

// groupName matches the characters of a program name that are not allowed in the name of a group.
var groupName = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// cpuGroup is a control group with a fixed share of one CPU. It has the highest weight, so other
// work on the machine does not reduce the share. It supports versions 1 and 2 of control groups;
// creating a group requires root.
type cpuGroup struct{ dir string }

func newCPUGroup(name string, share float64) (*cpuGroup, error) {
	dir := fmt.Sprintf("/sys/fs/cgroup/billingportal-bench-%d-%s", os.Getpid(), groupName.ReplaceAllString(name, "-"))
	periodMicros, quotaMicros := period.Microseconds(), int64(share*float64(period.Microseconds()))
	settings := [][2]string{{"cpu.max", fmt.Sprintf("%d %d", quotaMicros, periodMicros)}, {"cpu.weight", "10000"}}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil { // version 1
		dir = "/sys/fs/cgroup/cpu/" + filepath.Base(dir)
		settings = [][2]string{{"cpu.cfs_period_us", strconv.FormatInt(periodMicros, 10)},
			{"cpu.cfs_quota_us", strconv.FormatInt(quotaMicros, 10)}, {"cpu.shares", "262144"}}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("%w: make a control group: %w", errNoCPUGroup, err)
	}
	g := &cpuGroup{dir}
	for _, setting := range settings {
		if err := os.WriteFile(filepath.Join(dir, setting[0]), []byte(setting[1]), 0o644); err != nil {
			g.remove()
			return nil, fmt.Errorf("set the share of the CPU: %w", err)
		}
	}
	return g, nil
}

// launcher writes a script that runs a program inside the group.
func (g *cpuGroup) launcher(dir, program string) (string, error) {
	path := filepath.Join(dir, filepath.Base(g.dir))
	script := "#!/bin/sh\necho $$ > '" + filepath.Join(g.dir, "cgroup.procs") + "' && exec '" +
		strings.ReplaceAll(program, "'", `'\''`) + "'\n"
	return path, os.WriteFile(path, []byte(script), 0o700) //nolint:gosec // the script must be executable
}

func (g *cpuGroup) remove() {
	if g != nil {
		_ = os.Remove(g.dir)
	}
}
