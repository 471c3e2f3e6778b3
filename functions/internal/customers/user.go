package customers

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxUserLength is in characters, as in package auth.
const maxUserLength = 255

// IsUser reports whether an event or an import may name a user by this ID: a token can have it, and
// it is not in the form of a customer ID. The key of such a user's item would be the key of that
// customer's own item.
func IsUser(id string) bool {
	// A decoder replaces invalid UTF-8 by U+FFFD, which would make one user of several.
	isUnusable := func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }
	return id != "" && utf8.RuneCountInString(id) <= maxUserLength && !strings.ContainsFunc(id, isUnusable) && !IsID(id)
}
