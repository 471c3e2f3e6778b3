package importer

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// An e-mail address is compared in two ways. Two addresses are one person's only if they are
// [sameAddress]: nothing but case and surrounding space differs. But they are suspected of being
// one, so that neither is unique, if they are [lookAlike]: an identity provider, a mail system or a
// reader may take them for the same.

// sameAddress is a form that is equal for addresses that differ only by case. A letter outside
// ASCII never becomes one of ASCII, as the Kelvin sign would.
func sameAddress(email string) string {
	return strings.Map(func(r rune) rune {
		lower := unicode.ToLower(r)
		if r > unicode.MaxASCII && lower <= unicode.MaxASCII {
			return r
		}
		return lower
	}, strings.TrimSpace(email))
}

// lookAlike is a form that is equal for addresses that differ only by case, composition, width or
// invisible characters.
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
