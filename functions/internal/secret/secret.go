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
	"log/slog"
	"regexp"
	"strings"
)

// ErrMalformed means that the secret's value is neither a key nor a JSON object
// with a key under api_key.
var ErrMalformed = errors.New("secret: the value is neither a Stripe key nor JSON with an api_key")

// keyPattern is what every Stripe key has in common; it also keeps anything
// that could break out of a header line away from one.
var keyPattern = regexp.MustCompile(`^[A-Za-z0-9_]{8,255}$`)

// Key is a Stripe API key. It prints as a placeholder, whatever prints it;
// Reveal is the one way to its characters.
type Key struct{ value string }

// Reveal returns the key's characters, for the Authorization header.
func (k Key) Reveal() string { return k.value }

// String hides the key.
func (Key) String() string { return "[key]" }

// GoString hides the key from %#v.
func (Key) GoString() string { return "[key]" }

// LogValue hides the key from structured logs.
func (Key) LogValue() slog.Value { return slog.StringValue("[key]") }

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
	if !keyPattern.MatchString(value) {
		return Key{}, ErrMalformed
	}
	return Key{value}, nil
}
