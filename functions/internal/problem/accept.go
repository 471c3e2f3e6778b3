package problem

import (
	"net/http"
	"strconv"
	"strings"
)

// Wanted is the kind of answer that a caller can use.
type Wanted int

// The kinds of answers.
const (
	Redirect Wanted = iota // follows a redirect; problems as problem+json
	JSON                   // cannot follow one, or asks for JSON
	Page                   // a navigation of a browser: problems as a page
)

// Negotiate reads a request's headers. A script's fetch (Sec-Fetch-Dest: empty)
// cannot follow a redirect to another origin whatever it accepts.
//
// https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header
func Negotiate(header http.Header) Wanted {
	json, page := preference(header.Values("Accept"))
	if header.Get("Sec-Fetch-Dest") == "empty" || json > page {
		return JSON
	}
	if page > 0 {
		return Page
	}
	return Redirect
}

// preference returns the weights of JSON and of HTML in Accept (RFC 9110,
// section 12.5.1), 0 for one that is not named. Wildcards count for neither:
// every client sends them. Of two with the same weight, the first wins by a hair.
func preference(accept []string) (json, html float64) {
	const hair = 1e-6
	position := 0.0
	for entry := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		position++
		mediaType, parameters, _ := strings.Cut(entry, ";")
		weight := Quality(parameters) - position*hair
		switch strings.ToLower(strings.TrimSpace(mediaType)) {
		case "application/json", "application/problem+json":
			json = max(json, weight)
		case "text/html", "application/xhtml+xml":
			html = max(html, weight)
		}
	}
	return json, html
}

// Quality returns the weight among the parameters of an entry: 1 without one,
// 0 for one that is malformed.
func Quality(parameters string) float64 {
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
