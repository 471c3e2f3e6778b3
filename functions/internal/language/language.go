// Package language has the texts of the pages and the button in eight languages, and chooses the
// language of an answer from the request. Each text has a [Key].
package language

import (
	"net/http"
	"strings"

	"billingportal/functions/internal/accept"
)

// Tag is a language tag (RFC 5646), such as "pt-BR", as in the HTML attribute lang.
type Tag string

// English is the default language.
const English Tag = "en"

// Tags lists the languages. Every text exists in each of them.
var Tags = []Tag{English, "de", "fr", "es", "it", "pt-BR", "nl", "ja"}

// Match returns the language to answer in: the language of locale (as in Stripe's parameter), or
// else the best match for Accept-Language (RFC 9110, section 12.5.4; RFC 4647, section 3.4), or
// else English. Any Portuguese matches pt-BR.
func Match(locale string, header http.Header) Tag {
	if language, ok := lookup(locale); ok {
		return language
	}
	best, found := 0.0, English
	for tag, weight := range accept.Entries(header, "Accept-Language") {
		if language, ok := lookup(tag); ok && weight > best { // if weights are equal, the first counts
			best, found = weight, language
		}
	}
	return found
}

// lookup finds a language by the first part of a tag. No text differs by country.
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
