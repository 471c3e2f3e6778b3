package secret

import (
	"regexp"
	"strings"
)

// Key is a Stripe API key. Printing, logging or encoding it shows a placeholder; only Reveal
// returns its characters. Equal keys compare equal.
type Key struct{ hidden }

// Reveal returns the key's characters, for the Authorization header. The zero Key returns "".
func (k Key) Reveal() string { return k.text() }

// keyPattern matches secret and restricted keys of Stripe. It keeps any other secret that was
// stored by mistake from being sent to Stripe, and characters that could end a header line.
//
// The pattern does not limit the length, because a counted repetition compiles into as many steps
// at every start.
//
// https://docs.stripe.com/keys
var keyPattern = regexp.MustCompile(`^(sk|rk)_[A-Za-z0-9_]+$`)

const minLength, maxLength = 11, 255

// organizationPrefix begins every key of an organization, restricted or not. With such a key,
// Stripe refuses every request that does not name an account in its header Stripe-Context.
//
// https://docs.stripe.com/keys/organization-api-keys
const organizationPrefix = "sk_org_"

// StripeKey returns a parser for a secret with a Stripe key, either bare or as the member field of
// a JSON object. A key of the other mode than livemode is malformed, because Stripe would not know
// this deployment's customers. A key of an organization is malformed too.
func StripeKey(field string, livemode bool) func(value string) (Key, error) {
	other := "_live_"
	if livemode {
		other = "_test_"
	}
	return func(value string) (Key, error) {
		found, err := texts(value, field, "STRIPE_SECRET_FIELD", false)
		if err != nil {
			return Key{}, err
		}
		key := found[0]
		switch {
		case len(key) < minLength, len(key) > maxLength, !keyPattern.MatchString(key):
			return Key{}, MalformedError("it does not look like a Stripe key (sk_… or rk_…)")
		case strings.HasPrefix(key, organizationPrefix):
			return Key{}, MalformedError("it is an organization's key (sk_org_…), which needs a context that this " +
				"service does not send: use a key of the account itself")
		case strings.HasPrefix(key[len("sk"):], other):
			return Key{}, MalformedError("the key's mode differs from STRIPE_LIVEMODE")
		}
		return Key{hide(key)}, nil
	}
}
