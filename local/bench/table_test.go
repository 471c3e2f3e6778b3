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
		"a ratio without a target stands alone": {3, 2, 0, "1.50"},
		"less than the target passes":           {1.03, 1, 1.04, "1.03 ≤ 1.04 PASS"},
		"the target itself passes":              {3, 2, 1.5, "1.50 ≤ 1.50 PASS"},
		"more than the target fails":            {1.12, 1, 1.04, "1.12 > 1.04 FAIL"},
	} {
		if got := verdict(test.value, test.reference, test.target); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestTheDocumentHasTheRowsAndTargetsOfTheTable(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 8 {
			documented[strings.TrimSpace(cells[1])] = []string{targetIn(cells[5]), targetIn(cells[6])}
		}
	}
	for _, row := range rows() {
		want := []string{"", ""}
		for i, target := range []float64{row.toFloor, row.toPlain} {
			if target != 0 {
				want[i] = fmt.Sprintf("%.2f", target)
			}
		}
		if got := documented[row.name]; !slices.Equal(got, want) {
			t.Errorf("%s: README.md has the targets %q, the table %q", row.name, got, want)
		}
	}
}

// targetIn is the target in a cell with a verdict, "" where it has none.
func targetIn(cell string) string {
	if fields := strings.Fields(cell); len(fields) > 2 {
		return fields[2]
	}
	return ""
}
