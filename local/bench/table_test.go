package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	for name, test := range map[string]struct {
		value, reference, target float64
		want                     string
	}{
		"without a target it is only the ratio": {3, 2, 0, "1.50"},
		"a ratio below the target passes":       {1.03, 1, 1.04, "1.03 ≤ 1.04 PASS"},
		"a ratio equal to the target passes":    {3, 2, 1.5, "1.50 ≤ 1.50 PASS"},
		"a ratio above the target fails":        {1.12, 1, 1.04, "1.12 > 1.04 FAIL"},
	} {
		if got := verdict(test.value, test.reference, test.target); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestAbsoluteTarget(t *testing.T) {
	for want, value := range map[string]float64{"63.9 ≤ 64.0 PASS": 63.9, "64.0 ≤ 64.0 PASS": 64,
		"64.1 > 64.0 FAIL": 64.1} {
		if got := atMost("%.1f", value, 64); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestREADMEHasTheRowsAndTargetsOfTheTables(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range compared() {
		_, section, found := strings.Cut(string(text), "### "+size.name+"\n")
		if !found {
			t.Fatalf("local/bench/README.md has no heading %q", size.name)
		}
		section, _, _ = strings.Cut(section, "\n#")
		documented := map[string][]string{}
		for line := range strings.Lines(section) {
			if cells := strings.Split(line, "|"); len(cells) == 8 {
				documented[strings.TrimSpace(cells[1])] = []string{targetIn(cells[3]),
					targetIn(cells[5]), targetIn(cells[6])}
			}
		}
		for _, row := range rows() {
			target := size.targets[row.name]
			want := []string{inFormat(row.format, target.most), inFormat("%.2f", target.toFloor),
				inFormat("%.2f", target.toPlain)}
			if got := documented[row.name]; !slices.Equal(got, want) {
				t.Errorf("%s, %s: local/bench/README.md has the targets %q, want %q as in compare.go",
					size.name, row.name, got, want)
			}
		}
	}
}

func TestEveryTargetHasARow(t *testing.T) {
	for _, size := range compared() {
		for name := range size.targets {
			if !slices.ContainsFunc(rows(), func(r row) bool { return r.name == name }) {
				t.Errorf("%s: the target %q has no row", size.name, name)
			}
		}
	}
}

// inFormat formats a target as the table does. It returns "" for a row without a target.
func inFormat(format string, target float64) string {
	if target == 0 {
		return ""
	}
	return fmt.Sprintf(format, target)
}

// targetIn returns the target in a cell with a verdict, or "" if the cell has no target.
func targetIn(cell string) string {
	if fields := strings.Fields(cell); len(fields) > 2 {
		return fields[2]
	}
	return ""
}
