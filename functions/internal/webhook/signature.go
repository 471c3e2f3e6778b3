package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// tolerance is the greatest difference between a signature's time and ours, in either direction. A
// recorded request cannot be replayed after that.
//
// https://docs.stripe.com/webhooks#replay-attacks
const tolerance = 300 * time.Second

var (
	errNoSignature   = errors.New("webhook: no signature of a known scheme")
	errSignatureTime = errors.New("webhook: the signature's time is too far from now")
	errSignature     = errors.New("webhook: no signature matches a signing secret")
)

// A signature is a parsed Stripe-Signature header: a time, and a signature with each of the
// endpoint's secrets. An endpoint has two secrets while one is rolled.
//
// It is parsed and checked here, because stripe-go's ConstructEvent accepts any event if the secret
// is empty, accepts times far in the future, and refuses events of API versions other than its own.
//
// https://docs.stripe.com/webhooks#verify-manually
type signature struct {
	time  string // as sent, because the signed text contains it
	macs  [][]byte
	taken time.Time
}

// parseSignature parses a header such as t=1492774577,v1=5257a8…,v0=6ffbb5…. It ignores schemes
// other than v1, because a weaker scheme must not count. It refuses a header with two times: it
// would be unclear which time belongs to which signature.
func parseSignature(header string) (signature, error) {
	var s signature
	for item := range strings.SplitSeq(header, ",") {
		scheme, value, ok := strings.Cut(item, "=")
		if !ok || strings.Contains(value, "=") {
			return signature{}, errNoSignature
		}
		switch scheme {
		case "t":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil || s.time != "" {
				return signature{}, errNoSignature
			}
			s.time, s.taken = value, time.Unix(seconds, 0)
		case "v1":
			if mac, err := hex.DecodeString(value); err == nil && len(mac) == sha256.Size {
				s.macs = append(s.macs, mac)
			}
		}
	}
	if s.time == "" || len(s.macs) == 0 {
		return signature{}, errNoSignature
	}
	return s, nil
}

// isTimely reports whether the signature was made about now.
func (s signature) isTimely(now time.Time) bool {
	// Do not use Sub: it saturates, so that a time in the far past or future could seem near.
	return !s.taken.Before(now.Add(-tolerance)) && !s.taken.After(now.Add(tolerance))
}

// isBy reports whether the body was signed with one of the secrets. It ignores an empty secret,
// with which anyone could sign.
func (s signature) isBy(secrets []string, body []byte) bool {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		h := hmac.New(sha256.New, []byte(secret))
		h.Write([]byte(s.time + "."))
		h.Write(body)
		want := h.Sum(nil)
		for _, mac := range s.macs {
			if hmac.Equal(mac, want) {
				return true
			}
		}
	}
	return false
}
