package problem

import (
	"slices"
	"testing"

	"billingportal/functions/internal/language"
)

// A page says "try again" only if that can help, and otherwise to contact support or a developer.
// These and the other shared texts are listed; any other text belongs to one code.
func TestEachCodeHasItsOwnWords(t *testing.T) {
	advice := map[int]language.Key{
		400: language.AskDeveloper, 401: language.SignInAgain, 413: language.AskDeveloper, 415: language.AskDeveloper,
		500: language.ContactSupport, 502: language.TryAgain, 503: language.TryAgain, 504: language.TryAgain,
	}
	shared := []any{
		language.AskDeveloper, language.SignInAgain, language.ContactSupport, language.TryAgain,
		language.NotPermitted, language.BillingUnavailable, language.UseButton, language.ChooseOwnSubscription,
	}
	users := map[any]Code{}
	for code, definition := range definitions {
		if definition.title == 0 || definition.advice == 0 || (&Problem{Code: code}).detail() == "" {
			t.Errorf("%s lacks a text", code)
		}
		if want, ok := advice[definition.status]; ok && definition.advice != want {
			t.Errorf("%s has the advice %q, want %q", code, language.English.Text(definition.advice),
				language.English.Text(want))
		}
		if definition.status < 500 && definition.advice == language.TryAgain {
			t.Errorf("%s: the page says to try again, but that can never help", code)
		}
		for _, text := range []any{definition.title, definition.advice, definition.detail} {
			if other, isUsed := users[text]; isUsed && !slices.Contains(shared, text) {
				t.Errorf("%s and %s have the same text %v", code, other, text)
			}
			users[text] = code
		}
	}
}
