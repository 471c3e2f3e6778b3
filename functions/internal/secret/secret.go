// Package secret keeps the Stripe key that Secrets Manager holds.
//
// A [Cache] holds the key for five minutes, so that a warm request costs no
// call. A key that Stripe refuses is fetched again at once, so that a rotation
// costs no request. While Secrets Manager fails, the last key serves for an
// hour.
package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"unique"
)

// ErrMalformed means that the secret's value is neither a key nor a JSON object
// with a key under api_key.
var ErrMalformed = errors.New("secret: the value is neither a Stripe key nor JSON with an api_key")

// keyPattern is what secret and restricted keys of Stripe have in common. A
// secret of another kind, put in the key's place by mistake, is not sent to
// Stripe; and nothing that could break out of a header line passes.
//
// The bounds of its length are not in the pattern: they would be compiled into as
// many steps at every start.
//
// https://docs.stripe.com/keys
var keyPattern = regexp.MustCompile(`^(sk|rk)_[A-Za-z0-9_]+$`)

const minKeyLength, maxKeyLength = 11, 255

// Key is a Stripe API key. It prints as a placeholder, whatever prints it;
// Reveal is the one way to its characters. Equal keys compare equal.
type Key struct {
	// A handle, because fmt and encoders that find a Key in an unexported field
	// call no method of it, and read its fields instead: there they meet a pointer.
	handle unique.Handle[string]
}

func newKey(value string) Key { return Key{unique.Make(value)} }

// Reveal returns the key's characters, for the Authorization header. Those of
// the zero Key are "".
func (k Key) Reveal() string {
	if k == (Key{}) {
		return ""
	}
	return k.handle.Value()
}

const placeholder = "[key]"

// String hides the key.
func (Key) String() string { return placeholder }

// Format hides the key from every verb of fmt.
func (Key) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, placeholder) }

// LogValue hides the key from structured logs.
func (Key) LogValue() slog.Value { return slog.StringValue(placeholder) }

// parse reads a secret's value: the bare key, or JSON with api_key.
func parse(value string) (Key, error) {
	value = strings.TrimSpace(value)
	if strings.HasPrefix(value, "{") {
		var document struct {
			APIKey string `json:"api_key"`
		}
		if json.Unmarshal([]byte(value), &document) != nil {
			return Key{}, ErrMalformed
		}
		value = strings.TrimSpace(document.APIKey)
	}
	if len(value) < minKeyLength || len(value) > maxKeyLength || !keyPattern.MatchString(value) {
		return Key{}, ErrMalformed
	}
	return newKey(value), nil
}
