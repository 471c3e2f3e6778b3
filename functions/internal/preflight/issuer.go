package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"billingportal/functions/internal/auth"
)

// KeySet are the issuer's keys.
type KeySet interface {
	Algorithms(ctx context.Context) ([]string, error)
}

// IssuerKeys fetches the keys of the issuer as the function does: those of JWT_ISSUER, or of one of
// its aliases, from 1. An alias whose keys fail is a warning, because everyone else is served.
func IssuerKeys(keys KeySet, alias int) Check {
	name, advice, failed := "issuer's keys", "Compare JWT_ISSUER, to the last slash, and JWT_JWKS_URL with the "+
		"provider's; go run ./local configure < token.txt finds both from a token.", problem
	if alias > 0 {
		name = fmt.Sprintf("keys of the issuer's alias %d", alias)
		advice = fmt.Sprintf("Compare number %d of JWT_ISSUER_ALIASES, to the last slash, with the provider's. Until "+
			"its keys are there, its tokens get 503. Remove it if no token has it.", alias)
		failed = warning
	}
	return Check{Name: name, Run: func(ctx context.Context) Finding {
		algorithms, err := keys.Algorithms(ctx)
		var unavailable *auth.KeysUnavailableError
		if errors.As(err, &unavailable) {
			if unavailable.IsTimeout() {
				return late(unavailable.Err.Error())
			}
			return failed(unavailable.Err.Error(), advice)
		}
		if err != nil {
			return failed(err.Error(), "")
		}
		return ok("usable: " + strings.Join(algorithms, ", "))
	}}
}
