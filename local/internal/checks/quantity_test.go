package checks

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// numberWords are words that stand for numbers. "One" and "first" are missing, because they rarely
// do.
var numberWords = map[string]float64{
	"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"eleven": 11, "twelve": 12,
	"fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100,
	"thousand": 1000, "million": 1e6,
	"twice": 2, "half": 0.5, "fifth": 0.2, "fifths": 0.2, "tenth": 0.1, "quarter": 0.25, "quarters": 0.25,
}

// units are units of time, in seconds, and of size, in bytes.
var units = map[string]struct {
	factor float64
	isTime bool
}{
	"ms": {0.001, true}, "s": {1, true}, "second": {1, true}, "seconds": {1, true},
	"minute": {60, true}, "minutes": {60, true},
	"h": {3600, true}, "hour": {3600, true}, "hours": {3600, true}, "day": {86400, true}, "days": {86400, true},
	"bytes": {1, false}, "KB": {1e3, false}, "KiB": {1 << 10, false}, "MB": {1e6, false},
	"MiB": {1 << 20, false}, "%": {0.01, false},
}

const (
	numberForm = `\$?\d+(?:,\d{3})*(?:\.\d+)?|\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|` +
		`twelve|fifteen|twenty|thirty|forty|fifty|hundred|thousand|million|twice|half|fifths?|tenth|quarters?)\b`
	unitForm = `(?:ms|s|seconds?|minutes?|h|hours?|days?|bytes|KB|KiB|MB|MiB)\b|%`

	quantityForm = `(?:` + numberForm + `)(?:(?:\s+|-)?(?:` + unitForm + `))?`
)

var quantityParts = regexp.MustCompile(`^(` + numberForm + `)(?:[ -]?(` + unitForm + `))?$`)

// quantity returns the value of a text like "1.5 s", "8 KiB", "ten minutes" or "200".
func quantity(text string) (value float64, isTime, ok bool) {
	match := quantityParts.FindStringSubmatch(text)
	if match == nil {
		return 0, false, false
	}
	value, known := numberWords[match[1]]
	switch match[1] {
	case "a", "an", "one":
		value, known = 1, true
	}
	if !known {
		var err error
		if value, err = strconv.ParseFloat(strings.NewReplacer(",", "", "$", "").Replace(match[1]), 64); err != nil {
			return 0, false, false
		}
	}
	if unit, ok := units[match[2]]; ok {
		value, isTime = value*unit.factor, unit.isTime
	}
	return value, isTime, true
}

func TestQuantities(t *testing.T) {
	for text, want := range map[string]float64{
		"1.5 s": 1.5, "500 ms": 0.5, "ten minutes": 600, "an hour": 3600, "2 h": 7200, "8 KiB": 8192,
		"150,000 bytes": 150_000, "200": 200, "$3": 3, "seven": 7, "4 KB": 4000, "20%": 0.2,
	} {
		if got, _, ok := quantity(text); got != want || !ok {
			t.Errorf("quantity(%q) = %v, %v", text, got, ok)
		}
	}
}
