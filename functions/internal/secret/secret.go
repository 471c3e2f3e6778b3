// Package secret caches a secret of Secrets Manager: the Stripe key ([Key]) or the signing secrets
// of a webhook ([SigningSecrets]).
//
// A [Cache] keeps a value for five minutes, so that a warm request needs no call. A refused value
// is fetched again at once, so that no request fails because of a rotation. While Secrets Manager
// fails, the last value is used for up to an hour. While it is slow, a request that can use the
// cached value waits at most half a second.
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

// MalformedError is the reason why a secret's value cannot be used. It is a fixed text that never
// contains a part of the value.
type MalformedError string

func (e MalformedError) Error() string { return "secret: the value cannot be used: " + string(e) }

// hidden is a text that prints as a placeholder. Equal texts compare equal.
type hidden struct {
	// fmt and encoders do not call the methods of a value in an unexported field; they read its
	// fields. In a handle they find only a pointer.
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

// String returns the placeholder.
func (hidden) String() string { return placeholder }

// Format writes the placeholder for every verb of fmt.
func (hidden) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, placeholder) }

// LogValue returns the placeholder for structured logs.
func (hidden) LogValue() slog.Value { return slog.StringValue(placeholder) }

// texts reads a secret in any form that consoles and people save:
//   - the text itself, with or without double quotes
//   - a JSON object, as from the console's key/value editor, with the text under field
//   - if several texts are allowed, a JSON list, either bare or under field
//
// It removes white space and one pair of double quotes around each text. variable is the variable
// that names field, for errors.
func texts(value, field, variable string, several bool) ([]string, error) {
	value = trim(value)
	switch {
	case value == "":
		return nil, MalformedError("it is empty")
	case value[0] == '{':
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(value), &members) != nil {
			return nil, MalformedError("it starts with { but is not valid JSON")
		}
		member, ok := members[field]
		if !ok {
			return nil, MalformedError("it is a JSON object without the member that " + variable + " names")
		}
		return listed(string(member), several, "that member is not a string")
	case value[0] == '[' && several:
		return listed(value, several, "it starts with [ but is not a JSON list of strings")
	}
	return []string{unquoted(value)}, nil
}

// listed reads a JSON string or, if several, a JSON list of strings. otherwise is the error for any
// other value.
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

// unquoted removes one pair of double quotes, and white space inside it.
func unquoted(s string) string {
	if inner, ok := strings.CutPrefix(s, `"`); ok {
		if inner, ok := strings.CutSuffix(inner, `"`); ok {
			return trim(inner)
		}
	}
	return s
}

// trim removes white space, and the byte order mark that some editors put before a text.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
}
