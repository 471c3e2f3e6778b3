// Package secret keeps what Secrets Manager holds: the Stripe key ([Key]), or the signing secrets
// of a webhook ([SigningSecrets]).
//
// A [Cache] holds a value for five minutes, so that a warm request costs no call. One that is
// refused is fetched again at once, so that a rotation costs no request. While Secrets Manager
// fails, the last one serves for an hour; and while it is slow, no request waits for it longer than
// half a second that has one at hand.
package secret

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unique"
)

// MalformedError is the reason why a secret's value cannot be used: a fixed text, which never
// repeats a part of the value.
type MalformedError string

func (e MalformedError) Error() string { return "secret: the value cannot be used: " + string(e) }

// hidden is text that prints as a placeholder, whatever prints it. Equal ones compare equal.
type hidden struct {
	// A handle, because fmt and encoders that find a value in an unexported field
	// call no method of it, and read its fields instead: there they meet a pointer.
	handle unique.Handle[string]
}

func hide(text string) hidden { return hidden{unique.Make(text)} }

func (h hidden) text() string {
	if h == (hidden{}) {
		return ""
	}
	return h.handle.Value()
}

const placeholder = "[secret]"

// String hides the text.
func (hidden) String() string { return placeholder }

// Format hides the text from every verb of fmt.
func (hidden) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, placeholder) }

// LogValue hides the text from structured logs.
func (hidden) LogValue() slog.Value { return slog.StringValue(placeholder) }

// texts reads a secret as consoles and people save it: the text itself, in double quotes or not; a
// JSON object of the key/value editor, with it under field; where several may be given, a JSON
// list, alone or under field. White space around any of them is taken off, and one pair of quotes.
// variable is the name of the one that names the field, for errors.
func texts(value, field, variable string, several bool) ([]string, error) {
	value = trim(value)
	switch {
	case value == "":
		return nil, MalformedError("it is empty")
	case value[0] == '{':
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(value), &members) != nil {
			return nil, MalformedError("it begins like a JSON object and is none")
		}
		member, ok := members[field]
		if !ok {
			return nil, MalformedError("it is a JSON object without the member that " + variable + " names")
		}
		return listed(string(member), several, "that member is not a string")
	case value[0] == '[' && several:
		return listed(value, several, "it begins like a JSON list and is none of strings")
	}
	return []string{unquoted(value)}, nil
}

// listed reads a JSON string, or a list of them.
func listed(value string, several bool, otherwise string) ([]string, error) {
	var one string
	if value != "null" && json.Unmarshal([]byte(value), &one) == nil {
		return []string{unquoted(trim(one))}, nil
	}
	var list []string
	if !several || json.Unmarshal([]byte(value), &list) != nil {
		return nil, MalformedError(otherwise)
	}
	for i := range list {
		list[i] = unquoted(trim(list[i]))
	}
	return list, nil
}

// unquoted takes off one pair of quotes, and white space within.
func unquoted(s string) string {
	if inner, ok := strings.CutPrefix(s, `"`); ok {
		if inner, ok := strings.CutSuffix(inner, `"`); ok {
			return trim(inner)
		}
	}
	return s
}

// trim takes off white space, and the mark that some editors put before a text.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
}
