package tokenadvice

import (
	"fmt"
	"strings"
	"unicode"
)

// Printable returns a text that is safe to print on a terminal. Without it, the maker of a token or
// of an issuer's documents could move the cursor, change colors, or reverse the reading order of
// the text that the operator copies (CVE-2021-42574).
func Printable(text string) string {
	var safe strings.Builder
	for _, r := range text {
		switch {
		case isPrintable(r):
			safe.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&safe, `\U%08x`, r)
		default:
			fmt.Fprintf(&safe, `\u%04x`, r)
		}
	}
	return safe.String()
}

// isPrintable reports whether a character is safe: not a control character, not a bidirectional
// control, and not another character that is invisible or moves the cursor.
func isPrintable(r rune) bool { return r == ' ' || unicode.IsGraphic(r) && !unicode.IsSpace(r) }
