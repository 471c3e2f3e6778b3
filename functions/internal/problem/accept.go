package problem

import (
	"net/http"
	"strings"

	"billingportal/functions/internal/accept"
)

// Wanted is a kind of answer.
type Wanted int

// The kinds of answers.
const (
	Redirect Wanted = iota // a redirect; problems as problem+json
	JSON                   // JSON, for a caller that asks for it or cannot follow a redirect
	Page                   // a redirect; problems as a page, for a browser's navigation
)

// Negotiate returns the kind of answer that Accept (RFC 9110, section 12.5.1) and Sec-Fetch-Dest
// ask for. It ignores wildcards, because every client sends them. If two media types have the same
// weight, the first counts. A script's fetch (Sec-Fetch-Dest: empty) gets JSON whatever it accepts,
// because it cannot follow a redirect to another origin.
//
// https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header
func Negotiate(header http.Header) Wanted {
	if header.Get("Sec-Fetch-Dest") == "empty" {
		return JSON
	}
	best, wanted := 0.0, Redirect
	for mediaType, weight := range accept.Entries(header, "Accept") {
		if weight <= best {
			continue
		}
		switch strings.ToLower(mediaType) {
		case "application/json", "application/problem+json":
			best, wanted = weight, JSON
		case "text/html", "application/xhtml+xml":
			best, wanted = weight, Page
		}
	}
	return wanted
}
