package language

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the texts
	"fmt"
	"io"
	"strings"
	"sync"
)

//go:generate go run billingportal/local/generate ../../..

// A Key names a text. The keys and their English are in keys.go; 0 names no text.
type Key uint8

// zippedTexts has a block for each language but English: a line with its tag, and a line for each
// key, in the order of the keys.
//
//go:embed texts.gz
var zippedTexts []byte

// translations are the lines of each block. They are unzipped when the first page in another
// language asks for them, because a cold start cannot wait for what few requests need.
var translations = sync.OnceValue(func() map[Tag][]string {
	lines := map[Tag][]string{}
	for block := range strings.SplitSeq(unzip(zippedTexts), "\n\n") {
		texts := strings.Split(block, "\n")
		lines[Tag(texts[0])] = texts
	}
	return lines
})

// unzip returns "" for what cannot be read, so that pages are in English; a test reads it.
func unzip(zipped []byte) string {
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return ""
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return ""
	}
	return string(text)
}

// Aside returns a text with another one in brackets after it: those of Japanese are wide.
func (t Tag) Aside(text, aside string) string { return fmt.Sprintf(t.Text(Aside), text, aside) }

// Text returns a text in the language. It is in English if the language is "" or unknown.
func (t Tag) Text(key Key) string {
	if t != English && t != "" {
		if texts := translations()[t]; int(key) < len(texts) {
			return texts[key]
		}
	}
	return english[key]
}
