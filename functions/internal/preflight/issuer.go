package preflight

import (
	"context"
	"errors"
	"strings"

	"billingportal/functions/internal/auth"
)

// KeySet are the issuer's keys.
type KeySet interface {
	Algorithms(ctx context.Context) ([]string, error)
}

// IssuerKeys fetches the issuer's keys as the function does.
func IssuerKeys(keys KeySet) Check {
	return Check{Name: "issuer's keys", Run: func(ctx context.Context) Finding {
		algorithms, err := keys.Algorithms(ctx)
		var unavailable *auth.KeysUnavailableError
		if errors.As(err, &unavailable) {
			if unavailable.IsTimeout() {
				return late(unavailable.Err.Error())
			}
			return problem(unavailable.Err.Error(), "Compare JWT_ISSUER, to the last slash, and JWT_JWKS_URL with the provider's; go run ./local configure < token.txt finds both from a token.")
		}
		if err != nil {
			return problem(err.Error(), "")
		}
		return ok("usable: " + strings.Join(algorithms, ", "))
	}}
}
