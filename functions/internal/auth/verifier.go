package auth

import (
	"context"
	"time"

	"billingportal/functions/internal/strictjson"
	"billingportal/functions/internal/upstream"
)

// Config says whose tokens are accepted, and what they must hold.
type Config struct {
	Issuer string // iss, exactly; empty accepts no token
	// further values of iss, exactly: other names of the same issuer, whose users are the same
	Aliases       []string
	Audiences     []string      // at least one of them in aud; empty accepts no token
	UserClaim     string        // which claim names the user, by its whole name or a path with dots; empty means sub
	RequiredScope string        // empty means none
	RequiredClaim RequiredClaim // zero means none
}

// RequiredClaim asks for a claim, by its whole name or a path with dots, that is one
// of Values or a list with one of them. A boolean or a number is compared by its JSON
// text. No Values with a Name accept no token.
type RequiredClaim struct {
	Name   string
	Values []string
}

// A Caller is who a token speaks for.
type Caller struct {
	UserID string // 1 to 255 characters of Unicode, none of them a control character, exactly as the issuer wrote them

	// Alias is which of [Config.Aliases] the token's issuer is, from 1; 0 for [Config.Issuer].
	Alias int
	// KeysFetched is when the keys were asked for that the token was checked with;
	// zero if none were, or if they are not fetched.
	KeysFetched time.Time
}

// A Verifier turns tokens into callers. It is safe for concurrent use.
type Verifier struct {
	// Now tells the time; nil means time.Now. It is set before first use.
	Now func() time.Time

	cfg   Config
	names []string // of the issuer
	keys  KeySet
}

// NewVerifier returns a Verifier of cfg's tokens, signed with one of keys.
func NewVerifier(cfg Config, keys KeySet) *Verifier {
	if cfg.UserClaim == "" {
		cfg.UserClaim = "sub"
	}
	return &Verifier{cfg: cfg, names: append([]string{cfg.Issuer}, cfg.Aliases...), keys: keys}
}

// Verify returns the caller that the token speaks for, or an
// *InvalidTokenError, *InsufficientScopeError, *InsufficientRoleError or
// *KeysUnavailableError. Next to an error the caller has no UserID; the rest is for
// the log.
//
// Everything that can be refused without a key is refused before the keys are
// asked for, so that garbage costs the issuer nothing. Rights are looked at
// last: only a genuine token learns that it lacks one.
func (v *Verifier) Verify(ctx context.Context, compact string) (Caller, error) {
	return v.apply(compact, func(t *token) error { return v.keys.verifySignature(ctx, t) })
}

// Inspect applies every rule but the signature's, and returns who the token says
// that it speaks for. It is for tools that help to find the right Config: what it
// returns proves nothing.
func (v *Verifier) Inspect(compact string) (Caller, error) {
	return v.apply(compact, func(*token) error { return nil })
}

func (v *Verifier) apply(compact string, checkSignature func(*token) error) (caller Caller, err error) {
	t, err := parseToken(compact)
	if err != nil {
		return caller, err
	}
	claims, err := strictjson.ParseObject(t.payload)
	if err != nil {
		return caller, &InvalidTokenError{Reason: PayloadNotObject, Err: err}
	}
	if caller.Alias, err = issuerOf(claims, v.names); err != nil {
		return caller, err
	}
	t.issuer = v.names[caller.Alias]
	user, err := v.checkClaims(claims)
	if err != nil {
		return caller, err
	}
	err = checkSignature(t)
	caller.KeysFetched = t.keysFetched
	if err != nil {
		return caller, err
	}
	if err := checkScope(claims, v.cfg.RequiredScope); err != nil {
		return caller, err
	}
	if err := checkRole(claims, v.cfg.RequiredClaim); err != nil {
		return caller, err
	}
	caller.UserID = user
	return caller, nil
}

// checkClaims applies the rules that say whether the token is for us and for
// now, and returns the user.
func (v *Verifier) checkClaims(claims strictjson.Object) (string, error) {
	if err := checkAudience(claims, v.cfg.Audiences); err != nil {
		return "", err
	}
	if err := checkTimes(claims, upstream.WallClock(v.Now)); err != nil {
		return "", err
	}
	return userID(claims, v.cfg.UserClaim)
}
