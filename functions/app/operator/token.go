package operator

import (
	"context"
	"time"

	"billingportal/functions/app/portal"
	"billingportal/functions/internal/auth"
)

// TokenRules are the rules by which the portal takes a token: the variables JWT_… of an
// environment.
type TokenRules struct {
	config auth.Config
	keys   auth.KeySet
}

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

// Verify returns why the portal refuses a token at a time; nil if it accepts it.
func (r *TokenRules) Verify(ctx context.Context, token string, at time.Time) *Refusal {
	_, err := r.verifier(at).Verify(ctx, token)
	return refusalOf(err)
}

// Inspect is Verify without the signature, for a tool that has no keys: it proves nothing.
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
