package importer

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// E-mail addresses are compared in two ways. Two addresses belong to one person only if their
// [sameAddress] is equal: they differ only in case and surrounding space. If only their [lookAlike]
// is equal, neither is unique, because an identity provider, a mail system or a reader may treat
// them as the same address.

// sameAddress returns a form that is equal for addresses that differ only in case. A letter outside
// ASCII never becomes an ASCII letter, although the lower case of the Kelvin sign is k.
func sameAddress(email string) string {
	return strings.Map(func(r rune) rune {
		lower := unicode.ToLower(r)
		if r > unicode.MaxASCII && lower <= unicode.MaxASCII {
			return r
		}
		return lower
	}, strings.TrimSpace(email))
}

// lookAlike returns a form that is equal for addresses that differ only in case, composition, width
// or invisible characters.
//
// https://www.unicode.org/reports/tr15/
func lookAlike(email string) string {
	seen := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Cc) {
			return -1
		}
		return r
	}, norm.NFKC.String(email))
	return norm.NFKC.String(cases.Fold().String(seen))
}
