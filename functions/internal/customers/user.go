package customers

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxUserLength is in characters. It is the same as in package auth.
const maxUserLength = 255

// IsUser reports whether an event or an import may name a user by this ID: a token can contain it,
// and it does not look like a customer ID. The key of such a user's item would be the key of that
// customer's own item.
func IsUser(id string) bool {
	// A decoder replaces invalid UTF-8 with U+FFFD, which would make several users one.
	isUnusable := func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }
	return id != "" && utf8.RuneCountInString(id) <= maxUserLength && !strings.ContainsFunc(id, isUnusable) && !IsID(id)
}
