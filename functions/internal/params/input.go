// Package params reads and checks the parameters of POST /billing/portal. Its input is a request
// with a form or a JSON body; its output is Stripe's parameters, which satisfy the rules of
// Stripe's API and the operator's [Policy], or a [*problem.Problem].
package params

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"billingportal/functions/internal/problem"
)

// MaxBodySize is the length of the longest accepted body, in bytes. Package lambdahttp enforces it
// before it decodes a body.
const MaxBodySize = 8 << 10

// maxNames limits the parameters of a request, and maxDepth the parts of a name: a[b][0] has three.
// Stripe has fewer than 20 parameters, whose names have at most five parts. Bodies are read before
// the caller is authenticated, so larger ones are refused before they cost much.
const (
	maxNames = 200
	maxDepth = 10
)

var (
	errTooManyNames = &problem.Problem{Code: problem.InvalidRequest,
		Detail: "The request has more than 200 parameters."}
	errTooDeep = &problem.Problem{Code: problem.InvalidRequest, Detail: "The parameters are nested more than 10 deep."}
)

// Input is a caller's request, unchecked.
type Input struct {
	tree node

	// Tokens are the values of the form field access_token (RFC 6750, section 2.2).
	Tokens []string
	// Form is the form without that field; nil for JSON.
	Form url.Values
}

// Locale returns the parameter locale, or "".
func (in Input) Locale() string { return in.tree.members["locale"].text }

// Flow returns the parameter flow_data[type], or "".
func (in Input) Flow() string { return in.tree.members["flow_data"].members["type"].text }

// Has reports whether the caller sent a top-level parameter, or a member of it if it is an object,
// like flow_data.
func (in Input) Has(name string) bool {
	_, ok := in.tree.members[name]
	return ok
}

// byteOrderMark is the character that some editors and clients put before a text.
const byteOrderMark = "\ufeff"

// Read reads the body of a request: empty, a form, or JSON. Its errors are [*problem.Problem].
func Read(r *http.Request) (Input, error) {
	none := Input{tree: node{kind: object}, Form: url.Values{}}
	read, err := problem.ReadBody(r)
	if err != nil {
		return none, err
	}
	body := strings.TrimPrefix(string(read), byteOrderMark)
	if strings.Trim(body, jsonSpace) == "" {
		return none, nil
	}
	mediaType, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, hasCharset := parameters["charset"]
	if err != nil || hasCharset && !isUTF8(charset) || isEncoded(r.Header) {
		return none, &problem.Problem{Code: problem.UnsupportedMediaType}
	}
	if !utf8.ValidString(body) {
		return none, &problem.Problem{Code: problem.InvalidRequest, Detail: "The body is not UTF-8."}
	}
	switch mediaType {
	case "application/x-www-form-urlencoded":
		return ParseForm(body)
	case "application/json":
		tree, err := parseJSON(body)
		return Input{tree: tree}, err
	}
	return none, &problem.Problem{Code: problem.UnsupportedMediaType}
}

// isUTF8 reports whether a charset is UTF-8 in a usual spelling: utf-8, UTF8, 'utf-8', utf_8.
func isUTF8(charset string) bool {
	return strings.EqualFold(strings.NewReplacer("-", "", "_", "", "'", "").Replace(charset), "utf8")
}

// isEncoded reports whether a body has a content coding. "identity" does not count (RFC 9110,
// section 12.5.3).
func isEncoded(header http.Header) bool {
	for coding := range strings.SplitSeq(strings.Join(header.Values("Content-Encoding"), ","), ",") {
		if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
			return true
		}
	}
	return false
}
