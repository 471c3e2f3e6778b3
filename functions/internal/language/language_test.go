package language

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEveryLanguageHasEveryText(t *testing.T) {
	said := map[string]Key{} // tag and text in another language -> key
	for _, tag := range Tags {
		if _, err := os.Stat("texts/" + string(tag) + ".txt"); err != nil {
			t.Error(err)
		}
		if tag != English && len(translations()[tag]) != len(english) {
			t.Errorf("%s has %d texts, want %d", tag, len(translations()[tag])-1, len(english)-1)
		}
		for key := Key(1); int(key) < len(english); key++ {
			text := tag.Text(key)
			// At this length a title still fits on two lines of a phone, and a button on one.
			most := 2*utf8.RuneCountInString(english[key]) + 24
			if text == "" || strings.TrimSpace(text) != text || utf8.RuneCountInString(text) > most {
				t.Errorf("%s: %q is %q", tag, english[key], text)
			}
			if tag == English {
				continue
			}
			if strings.ContainsAny(text, `"'`) {
				t.Errorf("%s: %q has a quotation mark or apostrophe that is not typographic", tag, text)
			}
			other, isSaid := said[string(tag)+text]
			if isSaid || text == english[key] && key != ErrorLabel && key != Aside {
				t.Errorf("%s: %q stands for both %q and %q", tag, text, english[key], english[other])
			}
			said[string(tag)+text] = key
		}
	}
	if files, err := filepath.Glob("texts/*.txt"); err != nil || len(files) != len(Tags) {
		t.Errorf("%d catalogues, %v; want one for each of %d languages", len(files), err, len(Tags))
	}
	for _, tag := range []Tag{English, "", "sv"} {
		if text := tag.Text(ManageBilling); text != "Manage billing" {
			t.Errorf("%q: %q", tag, text)
		}
	}
}

// Some text uses each term of the glossary.
func TestTheGlossary(t *testing.T) {
	page, err := os.ReadFile("texts/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| tone |")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")[1:]
	if len(rows) < 15 {
		t.Errorf("%d terms", len(rows))
	}
	for _, row := range rows {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		if len(cells) != len(Tags)+1 {
			t.Fatalf("%q: want a term and its word in each language", row)
		}
		for i, tag := range Tags {
			texts := ""
			for key := Key(1); int(key) < len(english); key++ {
				texts += strings.ToLower(tag.Text(key)) + "\n"
			}
			if !strings.Contains(texts, strings.ToLower(cells[i+1])) {
				t.Errorf("%s: no text has the word for %s, %q", tag, cells[0], cells[i+1])
			}
		}
	}
}

func TestMatch(t *testing.T) {
	for name, test := range map[string]struct {
		locale, accept string
		want           Tag
	}{
		"no language":                  {"", "", "en"},
		"one language":                 {"", "de", "de"},
		"a language of a country":      {"", "fr-CA", "fr"},
		"any Portuguese":               {"", "pt-PT", "pt-BR"},
		"capitals":                     {"", "JA-jp", "ja"},
		"the first of equal weights":   {"", "nl,de", "nl"},
		"a second header":              {"", "ru\nfr;q=0.5", "fr"},
		"the greater weight":           {"", "nl;q=0.3, es;q=0.9", "es"},
		"the first supported language": {"", "ru, it;q=0.5", "it"},
		"no supported language":        {"", "ru, zh-Hant", "en"},
		"a refused language":           {"", "de;q=0, fr;q=0.1", "fr"},
		"an invalid weight":            {"", "de;q=x, fr;q=0.1", "fr"},
		"a wildcard":                   {"", "*", "en"},
		"a locale takes precedence":    {"it", "de", "it"},
		"a locale of a country":        {"es-419", "de", "es"},
		"an unsupported locale":        {"sv", "de", "de"},
		"the locale auto":              {"auto", "de", "de"},
		"a word that begins with de":   {"", "deutsch", "en"},
	} {
		header := http.Header{}
		for line := range strings.Lines(test.accept) {
			header.Add("Accept-Language", strings.TrimSpace(line))
		}
		if got := Match(test.locale, header); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// FuzzMatch checks that every header gives one of the languages.
func FuzzMatch(f *testing.F) {
	for _, seed := range []string{"de-AT,de;q=0.9,en;q=0.8", "*;q=0.5", ";;;q=", "pt-BR;q=1.5", "\x00,-"} {
		f.Add("", seed)
	}
	f.Fuzz(func(t *testing.T, locale, accept string) {
		got := Match(locale, http.Header{"Accept-Language": {accept}})
		if !slices.Contains(Tags, got) {
			t.Errorf("%q, %q: %q", locale, accept, got)
		}
	})
}
