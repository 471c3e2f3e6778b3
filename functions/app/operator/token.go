package operator

import (
	"context"
	"time"

	"billingportal/functions/app/portal"
	"billingportal/functions/internal/auth"
)

// TokenRules are the portal's rules for tokens, from the variables JWT_….
type TokenRules struct {
	config auth.Config
	keys   auth.KeySet
}

// ReadTokenRules reads the variables. The error names every wrong one.
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

// Verify returns why the portal would refuse a token at a time, or nil if it would accept it.
func (r *TokenRules) Verify(ctx context.Context, token string, at time.Time) *Refusal {
	_, err := r.verifier(at).Verify(ctx, token)
	return refusalOf(err)
}

// Inspect is Verify without the check of the signature, for tools without keys. It does not prove
// that the token is genuine.
func (r *TokenRules) Inspect(token string, at time.Time) *Refusal {
	_, err := r.verifier(at).Inspect(token)
	return refusalOf(err)
}

// IsTokenUserID reports whether a token may name a user by this ID.
func IsTokenUserID(s string) bool { return auth.CheckUserID(s) == nil }

func (r *TokenRules) verifier(at time.Time) *auth.Verifier {
	v := auth.NewVerifier(r.config, r.keys)
	v.Now = func() time.Time { return at }
	return v
}
