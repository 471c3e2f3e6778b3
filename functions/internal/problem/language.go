package problem

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Language is one of those that pages are in, as the attribute lang has it.
type Language string

// English is the language of the program's own texts, and of whoever asks for none that is here.
const English Language = "en"

// Languages are all of them.
var Languages = []Language{English, "de", "fr", "es", "it", "pt-BR", "nl", "ja"}

// zippedTexts are all catalogues, one after the other: a line "= LANGUAGE", and then a line for each text: the English one, a tab,
// and the other. `go generate ./functions/internal/portal` makes it of texts/*.txt.
//
//go:embed texts.gz
var zippedTexts []byte

// texts unzips them when the first page asks, since a start cannot wait for what few requests need. They are searched as they are.
var texts = sync.OnceValue(func() string {
	r, err := gzip.NewReader(bytes.NewReader(zippedTexts))
	if err != nil {
		return "" // it is committed, and tested; pages would be in English
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return ""
	}
	return string(text)
})

func (l Language) catalogue() string {
	_, catalogue, _ := strings.Cut(texts(), "= "+string(l)+"\n")
	catalogue, _, _ = strings.Cut(catalogue, "\n= ")
	return "\n" + catalogue
}

// Text is a text in the language, or as it is where the language does not have it.
func (l Language) Text(english string) string {
	if text, ok := l.find(english); ok {
		return text
	}
	return english
}

func (l Language) find(english string) (string, bool) {
	_, text, ok := strings.Cut(l.catalogue(), "\n"+english+"\t")
	text, _, _ = strings.Cut(text, "\n")
	return text, ok
}

// MatchLanguage returns the language to answer in: of a locale that the caller gave, one of Stripe's, or else of Accept-Language
// (RFC 9110, section 12.5.4; RFC 4647, section 3.4). Any Portuguese is that of Brazil.
func MatchLanguage(locale string, header http.Header) Language {
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
