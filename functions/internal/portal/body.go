package portal

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"billingportal/functions/internal/answer"
)

// maxBodySize is the longest body in bytes.
const maxBodySize = 8 << 10

// input is what the caller sent, before anything of it is believed.
type input struct {
	parameters node
	// tokens are the values of the form field access_token.
	tokens []string
	// form is the form without it; nil for JSON.
	form url.Values
}

// readInput reads the body: none, a form, or JSON.
func readInput(r *http.Request) (input, error) {
	none := input{parameters: node{kind: object}, form: url.Values{}}
	body, err := readBody(r)
	if err != nil || len(body) == 0 {
		return none, err
	}
	mediaType, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return none, &answer.Problem{Code: "unsupported-media-type"}
	}
	if err != nil || r.Header.Get("Content-Encoding") != "" {
		return none, &answer.Problem{Code: "unsupported-media-type"}
	}
	if !utf8.Valid(body) {
		return none, &answer.Problem{Code: "invalid-request", Detail: "The body is not UTF-8."}
	}
	switch mediaType {
	case "application/x-www-form-urlencoded":
		return parseForm(string(body))
	case "application/json":
		parameters, err := parseJSON(body)
		return input{parameters: parameters}, err
	}
	return none, &answer.Problem{Code: "unsupported-media-type"}
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBodySize))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &answer.Problem{Code: "payload-too-large", Detail: "The body has more than 8,192 bytes."}
	}
	if err != nil {
		return nil, &answer.Problem{Code: "invalid-request", Detail: "The body cannot be read.", Cause: err}
	}
	return body, nil
}
