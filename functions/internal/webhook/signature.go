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

// tolerance is how far a signature's time may be from ours, in either direction. A request that
// somebody has recorded is of no use after it.
//
// https://docs.stripe.com/webhooks#replay-attacks
const tolerance = 300 * time.Second

var (
	errNoSignature   = errors.New("webhook: no signature of a known scheme")
	errSignatureTime = errors.New("webhook: the signature's time is too far from now")
	errSignature     = errors.New("webhook: no signature was made with one of the secrets")
)

// A signature is a parsed Stripe-Signature header: one time, and a signature with each of the
// sender's secrets, of which it has two while one is rolled.
//
// It is read and checked here because stripe-go's ConstructEvent verifies anything under an empty
// secret, accepts times far in the future and refuses events of other API versions than its own.
//
// https://docs.stripe.com/webhooks#verify-manually
type signature struct {
	time  string // as sent: it is part of what is signed
	macs  [][]byte
	taken time.Time
}

// parseSignature reads a header such as t=1492774577,v1=5257a8…,v0=6ffbb5…. Schemes other than v1
// are skipped, so that none of them can be the weaker one. Two times are two headers in one, of
// which nobody can say which was meant.
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
	// Not Sub, which saturates: a time far enough away would be near again.
	return !s.taken.Before(now.Add(-tolerance)) && !s.taken.After(now.Add(tolerance))
}

// isBy reports whether the body was signed with one of the secrets. An empty secret, which anybody
// has, has signed nothing.
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
