package problem

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"billingportal/functions/internal/language"
)

// The pages are written as strings of fixed text and escaped values, because html/template would
// make the Lambda binary 2 MB larger.

//go:embed page.css
var pageStyle string

// pagePolicy allows the page's own style and nothing more. It does not set form-action, because
// browsers also apply that to the redirect that answers a form.
var pagePolicy = "default-src 'none'; style-src 'sha256-" + sha256Of(pageStyle) +
	"'; base-uri 'none'; frame-ancestors 'none'"

func sha256Of(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Reader describes the reader of an answer.
type Reader struct {
	Language  language.Tag
	AppURL    string // the target of the link back to the app
	RequestID string // the reference for support
}

// page is a page for a person. It also has a link back to the app.
type page struct {
	title language.Key
	lead  []language.Key // sentences on what happened and what to do next
	forms []Form
	terms []term // the small print
}

// term is a row of the small print of a page.
type term struct {
	name  language.Key
	value string // HTML
}

func (p page) html(reader Reader) []byte {
	var page strings.Builder
	write := func(parts ...string) {
		for _, part := range parts {
			page.WriteString(part)
		}
	}
	say := func(key language.Key) string { return html.EscapeString(reader.Language.Text(key)) }
	title := say(p.title)
	write(`<!doctype html><html lang="`, string(reader.Language), `"><head><meta charset="utf-8">`,
		`<meta name="viewport" content="width=device-width, initial-scale=1">`,
		`<meta name="robots" content="noindex"><title>`, title, `</title><style>`, pageStyle, `</style></head>`,
		`<body dir="ltr"><main><h1>`, heading(title), `</h1><p>`)
	for i, key := range p.lead {
		sentence := say(key)
		if i > 0 && !strings.HasSuffix(sentence, "。") { // Japanese has no space between sentences
			write(" ")
		}
		write(sentence)
	}
	write(`</p>`, formsOf(p.forms),
		`<p><a class="button" href="`, html.EscapeString(reader.AppURL), `">`, say(language.BackToApp), `</a></p>`)
	if len(p.terms) > 0 {
		write(`<dl>`)
		for _, term := range p.terms {
			write(`<dt>`, say(term.name), `</dt><dd>`, term.value, `</dd>`)
		}
		write(`</dl>`)
	}
	write(`</main></body></html>` + "\n")
	return []byte(page.String())
}

// particles are the characters that end a phrase in Japanese.
const particles = "がをにのはで"

// heading adds line break opportunities to a Japanese heading: after a particle that a character
// other than Hiragana follows. page.css allows no other line breaks. Japanese has no spaces, so
// browsers would break it within words.
func heading(title string) string {
	var text strings.Builder
	var last rune
	for _, r := range title {
		if strings.ContainsRune(particles, last) && !unicode.Is(unicode.Hiragana, r) {
			text.WriteString(`<wbr>`)
		}
		text.WriteRune(r)
		last = r
	}
	return text.String()
}

func writePage(w http.ResponseWriter, status int, p page, reader Reader) {
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.Header().Set("Vary", "Accept, Accept-Language")
	WriteBody(w, status, "text/html; charset=utf-8", p.html(reader))
}

// page describes the problem to a person. It shows a reason in every language, and a detail, which
// is for developers, only in English.
func (p *Problem) page(reader Reader) page {
	page := page{title: cmp.Or(p.Question, p.definition().title), forms: p.Forms}
	what := ""
	if reason := p.reason(); reason != 0 {
		page.lead = append(page.lead, reason)
		what = reader.Language.Text(reason)
	} else if reader.Language == language.English {
		what = p.detail()
	}
	page.lead = append(page.lead, cmp.Or(p.Advice, p.definition().advice))
	reference := term{language.Reference, `<code>` + html.EscapeString(reader.RequestID) + `</code>`}
	if len(p.Forms) > 0 { // the page asks a question, so it shows no error
		page.terms = []term{reference}
		return page
	}
	if what != "" {
		page.terms = append(page.terms, term{language.WhatHappened, html.EscapeString(what)})
	}
	code := reader.Language.Aside(`<code>`+html.EscapeString(string(p.Code))+`</code>`, strconv.Itoa(p.Status()))
	page.terms = append(page.terms, term{language.ErrorLabel, code}, reference)
	return page
}

// WriteConfirmation answers with a page with one button that posts fields. A link can lead to this
// page, so that only a person starts the action, and never a link scanner.
func WriteConfirmation(w http.ResponseWriter, label language.Key, fields []Field, reader Reader) {
	writePage(w, http.StatusOK, page{
		title: label, lead: []language.Key{language.ContinueOnBillingPage},
		forms: []Form{{Label: reader.Language.Text(label), Fields: fields}},
	}, reader)
}

// Form is a button that posts fields to the page's own URL, including any prefix that a gateway
// adds to the path.
type Form struct {
	Fields []Field
	Label  string // in the reader's language
}

// Field is a hidden field of a form.
type Field struct{ Name, Value string }

func formsOf(forms []Form) string {
	var text strings.Builder
	for _, form := range forms {
		text.WriteString(`<form method="post">`)
		for _, field := range form.Fields {
			text.WriteString(`<input type="hidden" name="` + html.EscapeString(field.Name) + `" value="` +
				html.EscapeString(field.Value) + `">`)
		}
		text.WriteString(`<button class="button">` + html.EscapeString(form.Label) + `</button></form>`)
	}
	return text.String()
}
