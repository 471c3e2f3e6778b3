package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"billingportal/functions/internal/auth"
)

// KeySet returns the algorithms of an issuer's keys.
type KeySet interface {
	Algorithms(ctx context.Context) ([]string, error)
}

// IssuerKeys fetches the keys of the issuer as the function does. alias 0 is JWT_ISSUER, and 1 to 4
// are the values of JWT_ISSUER_ALIASES. If the keys of an alias fail, that is only a warning,
// because all other users are served.
func IssuerKeys(keys KeySet, alias int) Check {
	name, advice, failed := "issuer's keys", "Compare JWT_ISSUER (including a slash at its end) and JWT_JWKS_URL "+
		"with the provider's values. go run ./local configure < token.txt finds both from a token.", problem
	if alias > 0 {
		name = fmt.Sprintf("keys of the issuer's alias %d", alias)
		advice = fmt.Sprintf("Compare number %d of JWT_ISSUER_ALIASES (including a slash at its end) with the "+
			"provider's issuer. Its tokens get 503 until its keys can be fetched. Remove it if no token has it.", alias)
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
