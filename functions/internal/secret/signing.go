package secret

import (
	"regexp"
	"strings"
)

// SigningSecrets are the secrets of a webhook endpoint: one, or several while one is rolled. They
// print as a placeholder, whatever prints them. Equal ones compare equal.
type SigningSecrets struct{ hidden }

// Reveal returns the secrets, each of which may have signed an event; none of the zero
// SigningSecrets.
func (s SigningSecrets) Reveal() []string {
	if s == (SigningSecrets{}) {
		return nil
	}
	return strings.Split(s.text(), "\n")
}

// signingPattern is the form of a signing secret. Nothing else is one: with an empty secret anybody
// can sign.
//
// https://docs.stripe.com/webhooks/signature
var signingPattern = regexp.MustCompile(`^whsec_[A-Za-z0-9+/=_-]+$`)

// maxSigningSecrets is more than an endpoint has while one is rolled.
const maxSigningSecrets = 16

// ParseSigningSecrets reads a secret that holds signing secrets: one, bare or as the member
// signing_secret of a JSON object, or a JSON list of several in place of either.
func ParseSigningSecrets(value string) (SigningSecrets, error) {
	secrets, err := texts(value, "signing_secret", "signing_secret", true)
	if err != nil {
		return SigningSecrets{}, err
	}
	if len(secrets) == 0 || len(secrets) > maxSigningSecrets {
		return SigningSecrets{}, MalformedError("it is a list of none, or of more than 16")
	}
	for _, secret := range secrets {
		if len(secret) < minLength || len(secret) > maxLength || !signingPattern.MatchString(secret) {
			return SigningSecrets{}, MalformedError("it has not the form of a signing secret (whsec_…)")
		}
	}
	return SigningSecrets{hide(strings.Join(secrets, "\n"))}, nil
}
