package answer

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"strconv"
	"strings"
)

// The page is put together by hand: html/template would make the Lambda binary
// 2 MB larger. What goes in is fixed text and escaped values.

//go:embed page.css
var pageStyle string

// pagePolicy lets a page do nothing but look as it does. It says nothing of
// form-action, which browsers also apply to where a form's answer redirects.
var pagePolicy = "default-src 'none'; style-src 'sha256-" + sha256Of(pageStyle) + "'; base-uri 'none'; frame-ancestors 'none'"

func sha256Of(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// page is the problem for a person: what happened, what to do next, the way back
// to the app, and a reference for support.
func (p *Problem) page(requestID, appURL string) []byte {
	var page strings.Builder
	write := func(parts ...string) {
		for _, part := range parts {
			page.WriteString(part)
		}
	}
	title := html.EscapeString(p.kind().title)
	write(`<!doctype html><html lang="en"><head><meta charset="utf-8">`,
		`<meta name="viewport" content="width=device-width, initial-scale=1">`,
		`<meta name="robots" content="noindex"><title>`, title, `</title><style>`, pageStyle, `</style></head>`,
		`<body><main><h1>`, title, `</h1>`,
		`<p>`, html.EscapeString(p.lead()), `</p>`,
		p.forms(),
		`<p><a class="button" href="`, html.EscapeString(appURL), `">Back to the app</a></p>`,
		`<dl><dt>What happened</dt><dd>`, html.EscapeString(p.detail()), `</dd>`,
		`<dt>Error</dt><dd><code>`, html.EscapeString(p.Code), `</code> (`, strconv.Itoa(p.Status()), `)</dd>`,
		`<dt>Reference</dt><dd><code>`, html.EscapeString(requestID), `</code></dd></dl>`,
		`</main></body></html>`+"\n")
	return []byte(page.String())
}

// lead is what the page says first. Why a subscription will not do is news to the
// one who pays for it; any other detail is for whoever made the button.
func (p *Problem) lead() string {
	if p.Code == "subscription-not-eligible" {
		return p.detail() + " " + p.kind().advice
	}
	return p.kind().advice
}

// Form is a button of a page that posts fields to the page's own address, whatever
// a gateway has put before its path.
type Form struct {
	Fields []Field
	Label  string
}

// Field is a field of a form.
type Field struct{ Name, Value string }

func (p *Problem) forms() string {
	var forms strings.Builder
	for _, form := range p.Forms {
		forms.WriteString(`<form method="post">`)
		for _, field := range form.Fields {
			forms.WriteString(`<input type="hidden" name="` + html.EscapeString(field.Name) + `" value="` + html.EscapeString(field.Value) + `">`)
		}
		forms.WriteString(`<button class="button">` + html.EscapeString(form.Label) + `</button></form>`)
	}
	return forms.String()
}
