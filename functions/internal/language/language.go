// Package language has the texts that people read in the pages and on the button, in each language,
// and chooses the language of an answer. A text is named by a [Key].
package language

import (
	"net/http"
	"strings"

	"billingportal/functions/internal/accept"
)

// Tag names a language as the attribute lang does, such as pt-BR (RFC 5646).
type Tag string

// English is the default.
const English Tag = "en"

// Tags are the languages that every text is in.
var Tags = []Tag{English, "de", "fr", "es", "it", "pt-BR", "nl", "ja"}

// Match returns the language to answer in: that of the locale, a value that Stripe knows, or the
// best one of Accept-Language (RFC 9110, section 12.5.4; RFC 4647, section 3.4), or English. Any
// Portuguese is that of Brazil.
func Match(locale string, header http.Header) Tag {
	if language, ok := lookup(locale); ok {
		return language
	}
	best, found := 0.0, English
	for tag, weight := range accept.Entries(header, "Accept-Language") {
		if language, ok := lookup(tag); ok && weight > best { // of equal ones the first
			best, found = weight, language
		}
	}
	return found
}

// lookup finds a language by the first part of a tag: none here differs by country.
func lookup(tag string) (Tag, bool) {
	primary, _, _ := strings.Cut(tag, "-")
	if strings.EqualFold(primary, "pt") {
		return "pt-BR", true
	}
	for _, language := range Tags {
		if strings.EqualFold(primary, string(language)) {
			return language, true
		}
	}
	return "", false
}
