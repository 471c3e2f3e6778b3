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

// A Key names a text. keys.go has the keys and their English texts. The key 0 names no text.
type Key uint8

// zippedTexts has a block for every language except English: a line with its tag, then a line for
// each key, in the order of the keys.
//
//go:embed texts.gz
var zippedTexts []byte

// translations returns the lines of each block. The first page in another language unzips them, so
// that cold starts do not wait for texts that few requests need.
var translations = sync.OnceValue(func() map[Tag][]string {
	lines := map[Tag][]string{}
	for block := range strings.SplitSeq(unzip(zippedTexts), "\n\n") {
		texts := strings.Split(block, "\n")
		lines[Tag(texts[0])] = texts
	}
	return lines
})

// unzip returns "" if zipped is invalid; pages are then in English. A test holds that the texts are
// valid.
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

// Aside returns text followed by aside in brackets. Japanese has wide brackets.
func (t Tag) Aside(text, aside string) string { return fmt.Sprintf(t.Text(Aside), text, aside) }

// Text returns the text of a key in the language, or in English if the language is "" or unknown.
func (t Tag) Text(key Key) string {
	if t != English && t != "" {
		if texts := translations()[t]; int(key) < len(texts) {
			return texts[key]
		}
	}
	return english[key]
}
