package secret

import (
	"regexp"
	"strings"
)

// Key is a Stripe API key. It prints as a placeholder, whatever prints it;
// Reveal is the one way to its characters. Equal keys compare equal.
type Key struct{ hidden }

// Reveal returns the key's characters, for the Authorization header. Those of
// the zero Key are "".
func (k Key) Reveal() string { return k.text() }

// keyPattern is what secret and restricted keys of Stripe have in common. A
// secret of another kind, put in the key's place by mistake, is not sent to
// Stripe; and nothing that could break out of a header line passes.
//
// The bounds of its length are not in the pattern: they would be compiled into as
// many steps at every start.
//
// https://docs.stripe.com/keys
var keyPattern = regexp.MustCompile(`^(sk|rk)_[A-Za-z0-9_]+$`)

const minLength, maxLength = 11, 255

// organizationPrefix is that of all keys of an organization, whatever they are restricted to.
// Stripe refuses each request with one that does not name an account in its header Stripe-Context.
//
// https://docs.stripe.com/keys/organization-api-keys
const organizationPrefix = "sk_org_"

// StripeKey reads a secret that holds a Stripe key, bare or as the member field of a JSON object. A
// key that says that it is of the other mode than livemode is malformed: Stripe would know nothing
// of this deployment's customers. So is an organization's.
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
			return Key{}, MalformedError("it has not the form of a Stripe key (sk_… or rk_…)")
		case strings.HasPrefix(key, organizationPrefix):
			return Key{}, MalformedError("it is an organization's key (sk_org_…), which needs a context that this " +
				"service does not send: use a key of the account itself")
		case strings.HasPrefix(key[len("sk"):], other):
			return Key{}, MalformedError("the key is of the other mode than STRIPE_LIVEMODE says")
		}
		return Key{hide(key)}, nil
	}
}
