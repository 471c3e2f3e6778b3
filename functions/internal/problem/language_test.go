package problem

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// uiTexts are those of pages and of the button beside titles, advice and reasons.
var uiTexts = []string{
	"Back to the app", "What happened", "Error", "Reference", "Manage billing", "Update payment method", "Cancel subscription", "Change plan",
	"Confirm the change", "You will continue on our billing page.", "trialing", "past due", "Opening billing…", "Please sign in again.",
	"You may not manage billing here.", "Billing cannot be opened. Please try again.",
}

// reasons are the details that whoever pays is told.
var reasons = []string{
	"The subscription is already cancelled.", "The subscription is paused.", "The subscription is not active.", "The subscription is already set to be cancelled.",
	"The subscription has several items, which the portal cannot change.", "The update would change nothing.", "The customer has no subscription.",
	"None of the customer's subscriptions can go through this flow.",
}

// twoSessions are the detail and the advice of a session cookie that comes twice.
var twoSessions = []string{
	"Two sessions are in the way: the session cookie came twice, with different values.", "Please delete the cookies of this site, sign in and try again.",
}

// forPrograms are the codes that only Stripe's requests get, which are never pages.
var forPrograms = map[Code]bool{"invalid-signature": true, "webhook-misconfigured": true}

func TestEveryLanguageHasEveryText(t *testing.T) {
	wanted := slices.Concat(uiTexts, reasons, twoSessions)
	for code, definition := range definitions {
		if !forPrograms[code] {
			wanted = append(wanted, definition.title, definition.advice)
		}
		if code == "subscription-not-eligible" {
			wanted = append(wanted, definition.detail)
		}
	}
	said := map[string]string{} // texts in another language, and what they say
	for _, language := range Languages[1:] {
		lines := strings.Count(language.catalogue(), "\t")
		known := map[string]bool{}
		for _, english := range wanted {
			known[english] = true
			text, ok := language.find(english)
			// A title fits two lines of a phone, a button one; the rest is as long as it is.
			most := 2*utf8.RuneCountInString(english) + 24
			if !ok || text == "" || strings.TrimSpace(text) != text || utf8.RuneCountInString(text) > most {
				t.Errorf("%s: %q is %q", language, english, text)
			}
			if strings.ContainsAny(text, `"'`) {
				t.Errorf("%s: %q has a typewriter's quotation mark", language, text)
			}
		}
		for english := range known {
			text := language.Text(english)
			meaning := string(language) + ": " + strings.Replace(english, "its own button", "its button", 1) // which some languages say alike
			if other, isSaid := said[text]; isSaid && other != meaning || text == english && text != "Error" {
				t.Errorf("%q is %s, and %s", text, meaning, other)
			}
			said[text] = meaning
		}
		if lines != len(known) {
			t.Errorf("%s has %d texts, %d are needed", language, lines, len(known))
		}
	}
	if text := English.Text("Manage billing"); text != "Manage billing" {
		t.Errorf("English: %q", text)
	}
}

// The reasons are those of package portal, which is the one that gives them.
func TestReasonsAreThoseOfThePortal(t *testing.T) {
	files, err := filepath.Glob("../portal/*.go")
	if err != nil {
		t.Fatal(err)
	}
	sources := ""
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			sources += string(source)
		}
	}
	for _, reason := range slices.Concat(reasons, twoSessions) {
		if !strings.Contains(sources, `"`+reason+`"`) {
			t.Errorf("nobody says %q", reason)
		}
	}
}

func TestSpeak(t *testing.T) {
	for name, test := range map[string]struct {
		locale, accept string
		want           Language
	}{
		"nothing":                    {"", "", "en"},
		"one":                        {"", "de", "de"},
		"of a country":               {"", "fr-CA", "fr"},
		"any Portuguese":             {"", "pt-PT", "pt-BR"},
		"in capitals":                {"", "JA-jp", "ja"},
		"the first of equals":        {"", "nl,de", "nl"},
		"in a second header":         {"", "ru\nfr;q=0.5", "fr"},
		"the heavier":                {"", "nl;q=0.3, es;q=0.9", "es"},
		"the first that is here":     {"", "ru, it;q=0.5", "it"},
		"none that is here":          {"", "ru, zh-Hant", "en"},
		"one that is not wanted":     {"", "de;q=0, fr;q=0.1", "fr"},
		"a weight that is none":      {"", "de;q=x, fr;q=0.1", "fr"},
		"a wildcard":                 {"", "*", "en"},
		"a locale counts first":      {"it", "de", "it"},
		"a locale of a country":      {"es-419", "de", "es"},
		"a locale that is not here":  {"sv", "de", "de"},
		"a locale that is automatic": {"auto", "de", "de"},
		"a name that begins so":      {"", "deutsch", "en"},
	} {
		header := http.Header{}
		for line := range strings.Lines(test.accept) {
			header.Add("Accept-Language", strings.TrimSpace(line))
		}
		if got := MatchLanguage(test.locale, header); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// FuzzSpeak looks for a header that breaks the reading of it.
func FuzzSpeak(f *testing.F) {
	for _, seed := range []string{"de-AT,de;q=0.9,en;q=0.8", "*;q=0.5", ";;;q=", "pt-BR;q=1.5", "\x00,-"} {
		f.Add("", seed)
	}
	f.Fuzz(func(t *testing.T, locale, accept string) {
		got := MatchLanguage(locale, http.Header{"Accept-Language": {accept}})
		if got != English && got.catalogue() == "\n" {
			t.Errorf("%q, %q: %q", locale, accept, got)
		}
	})
}
