// Package accept reads the header fields Accept, Accept-Encoding and Accept-Language, in which a
// client lists and weighs the values that it accepts (RFC 9110, section 12.4).
package accept

import (
	"iter"
	"net/http"
	"strconv"
	"strings"
)

// Entries yields the entries of a field in order: the value without parameters, in the client's own
// letter case, and its weight from 0 (not acceptable) to 1.
func Entries(header http.Header, field string) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for entry := range strings.SplitSeq(strings.Join(header.Values(field), ","), ",") {
			value, parameters, _ := strings.Cut(entry, ";")
			if !yield(strings.TrimSpace(value), weight(parameters)) {
				return
			}
		}
	}
}

// weight returns the parameter q (RFC 9110, section 12.4.2): 1 if it is absent, 0 if it is
// malformed.
func weight(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		weight, _ := strconv.ParseFloat(value, 64) // 0 unless it is a number
		if !(weight <= 1) {                        // too large, or NaN
			return 0
		}
		return max(weight, 0)
	}
	return 1
}
