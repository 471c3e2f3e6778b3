package problem

import (
	"net/http"
	"strings"

	"billingportal/functions/internal/accept"
)

// Wanted is the kind of answer that a caller can use.
type Wanted int

// The kinds of answers.
const (
	Redirect Wanted = iota // follows a redirect; problems as problem+json
	JSON                   // cannot follow one, or asks for JSON
	Page                   // a navigation of a browser: problems as a page
)

// Negotiate reads Accept (RFC 9110, section 12.5.1) and Sec-Fetch-Dest. Wildcards count for
// nothing: every client sends them. Of two with the same weight, the first counts. A script's fetch
// (Sec-Fetch-Dest: empty) cannot follow a redirect to another origin whatever it accepts.
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
