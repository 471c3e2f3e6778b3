package answer

import (
	_ "embed"
	"net/http"
	"strings"
)

// Language is one of those that pages are in, as the attribute lang has it.
type Language string

// English is the language of the program's own texts, and of whoever asks for none that is here.
const English Language = "en"

// Languages are all of them.
var Languages = []Language{English, "de", "fr", "es", "it", "pt-BR", "nl", "ja"}

// A catalogue has a line for each text: the English one, a tab, and the other. It is searched as it is: making a map of it would
// cost every start what few requests need.
var (
	//go:embed texts/de.txt
	german string
	//go:embed texts/fr.txt
	french string
	//go:embed texts/es.txt
	spanish string
	//go:embed texts/it.txt
	italian string
	//go:embed texts/pt-BR.txt
	portuguese string
	//go:embed texts/nl.txt
	dutch string
	//go:embed texts/ja.txt
	japanese string
)

func (l Language) catalogue() string {
	switch l {
	case "de":
		return german
	case "fr":
		return french
	case "es":
		return spanish
	case "it":
		return italian
	case "pt-BR":
		return portuguese
	case "nl":
		return dutch
	case "ja":
		return japanese
	}
	return ""
}

// Text is a text in the language, or as it is where the language does not have it.
func (l Language) Text(english string) string {
	if text, ok := l.find(english); ok {
		return text
	}
	return english
}

func (l Language) find(english string) (string, bool) {
	catalogue := l.catalogue()
	if text, ok := strings.CutPrefix(catalogue, english+"\t"); ok {
		return firstLine(text), true
	}
	_, text, ok := strings.Cut(catalogue, "\n"+english+"\t")
	return firstLine(text), ok
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// Speak returns the language to answer in: of a locale that the caller gave, one of Stripe's, or else of Accept-Language
// (RFC 9110, section 12.5.4; RFC 4647, section 3.4). Any Portuguese is that of Brazil.
func Speak(locale string, header http.Header) Language {
	if language, ok := languageOf(locale); ok {
		return language
	}
	best, found := 0.0, English
	for entry := range strings.SplitSeq(strings.Join(header.Values("Accept-Language"), ","), ",") {
		tag, parameters, _ := strings.Cut(entry, ";")
		language, ok := languageOf(strings.TrimSpace(tag))
		if weight := Quality(parameters); ok && weight > best { // of equal ones the first
			best, found = weight, language
		}
	}
	return found
}

// languageOf looks a tag up by its first part: none here differs by country.
func languageOf(tag string) (Language, bool) {
	primary, _, _ := strings.Cut(tag, "-")
	if strings.EqualFold(primary, "pt") {
		return "pt-BR", true
	}
	for _, language := range Languages {
		if strings.EqualFold(primary, string(language)) {
			return language, true
		}
	}
	return "", false
}
