package secret

import (
	"regexp"
	"strings"
)

// SigningSecrets are the signing secrets of a webhook endpoint: one, or several while one is
// rolled. Printing, logging or encoding them shows a placeholder. Equal SigningSecrets compare
// equal.
type SigningSecrets struct{ hidden }

// Reveal returns the secrets, each of which may have signed an event. The zero SigningSecrets
// returns nil.
func (s SigningSecrets) Reveal() []string {
	if s == (SigningSecrets{}) {
		return nil
	}
	return strings.Split(s.text(), "\n")
}

// signingPattern matches a signing secret. It does not match an empty one, with which anyone could
// sign events.
//
// https://docs.stripe.com/webhooks/signature
var signingPattern = regexp.MustCompile(`^whsec_[A-Za-z0-9+/=_-]+$`)

// maxSigningSecrets is more than an endpoint has while a secret is rolled.
const maxSigningSecrets = 16

// ParseSigningSecrets reads a secret with signing secrets: either one secret or a JSON list of
// several, either bare or as the member signing_secret of a JSON object.
func ParseSigningSecrets(value string) (SigningSecrets, error) {
	secrets, err := texts(value, "signing_secret", "signing_secret", true)
	if err != nil {
		return SigningSecrets{}, err
	}
	if len(secrets) == 0 || len(secrets) > maxSigningSecrets {
		return SigningSecrets{}, MalformedError("it has no signing secret, or more than 16")
	}
	for _, secret := range secrets {
		if len(secret) < minLength || len(secret) > maxLength || !signingPattern.MatchString(secret) {
			return SigningSecrets{}, MalformedError("it does not look like a signing secret (whsec_…)")
		}
	}
	return SigningSecrets{hide(strings.Join(secrets, "\n"))}, nil
}
