package tokenadvice

import (
	"fmt"
	"strings"
	"unicode"
)

// Printable is a text that is safe to print on a terminal. Whoever makes a token, or an issuer's
// documents, could otherwise move the cursor, change colors, or reverse the reading order
// (CVE-2021-42574) of what the operator copies.
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

// isPrintable leaves out control characters, bidirectional controls, and other characters that are
// invisible or move the cursor.
func isPrintable(r rune) bool { return r == ' ' || unicode.IsGraphic(r) && !unicode.IsSpace(r) }
