package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"billingportal/functions/app/portal"
	"billingportal/functions/internal/auth"
)

// TokenRules are the rules by which the portal takes a token: the variables JWT_… of an environment.
type TokenRules struct {
	config auth.Config
	keys   auth.KeySet
}

// A Refusal is why a token is not taken.
type Refusal struct {
	Rule string // that refuses it, in the verifier's own words, which are a closed set
	Keys bool   // nothing can be said of the token, because the issuer's keys cannot be had
}

func (r *Refusal) Error() string { return r.Rule }

// ReadTokenRules reads the variables. The error names every one that is wrong.
func ReadTokenRules(getenv func(string) string) (*TokenRules, error) {
	tokens, err := portal.ReadTokens(getenv)
	if err != nil {
		return nil, err
	}
	issuer, err := tokens.Issuer(nil)
	if err != nil {
		return nil, err
	}
	return &TokenRules{tokens.Rules, issuer.Keys}, nil
}

// Verify returns the user whom the portal takes a token for at a time, or a [*Refusal].
func (r *TokenRules) Verify(ctx context.Context, token string, at time.Time) (user string, err error) {
	caller, err := r.verifier(at).Verify(ctx, token)
	return caller.UserID, refusal(err)
}

// Inspect is Verify without the signature, for those who have no keys: it proves nothing.
func (r *TokenRules) Inspect(token string, at time.Time) (user string, err error) {
	caller, err := r.verifier(at).Inspect(token)
	return caller.UserID, refusal(err)
}

func (r *TokenRules) verifier(at time.Time) *auth.Verifier {
	v := auth.NewVerifier(r.config, r.keys)
	v.Now = func() time.Time { return at }
	return v
}

func refusal(err error) error {
	var invalid *auth.InvalidTokenError
	var unavailable *auth.KeysUnavailableError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return &Refusal{Rule: invalid.Reason}
	case errors.As(err, &unavailable):
		return &Refusal{Rule: fmt.Sprint(unavailable.Err), Keys: true}
	}
	return &Refusal{Rule: err.Error()} // the right that it lacks
}
