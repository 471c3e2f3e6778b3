package auth

import (
	"context"
	"time"

	"billingportal/functions/internal/strictjson"
	"billingportal/functions/internal/upstream"
)

// Config sets the rules for tokens.
type Config struct {
	Issuer string // iss, exactly; empty accepts no token
	// other names of the same issuer, with the same users: further values of iss, exactly
	Aliases       []string
	Audiences     []string      // at least one of them must be in aud; empty accepts no token
	UserClaim     string        // claim that names the user, as a whole name or a path with dots; empty means sub
	RequiredScope string        // empty means no rule
	RequiredClaim RequiredClaim // zero means no rule
}

// RequiredClaim requires a claim, named by its whole name or a path with dots, that is one of
// Values or a list that contains one. A boolean or a number is compared by its JSON text. A Name
// without Values accepts no token.
type RequiredClaim struct {
	Name   string
	Values []string
}

// A Caller is the user that a token speaks for.
type Caller struct {
	UserID string // 1 to 255 Unicode characters without control characters, exactly as the issuer wrote them

	// Alias is the issuer's position in [Config.Aliases], from 1; 0 means [Config.Issuer].
	Alias int
	// KeysFetched is when the keys that checked the token were fetched; zero if no keys were used,
	// or if they are not fetched.
	KeysFetched time.Time
}

// A Verifier turns tokens into callers. It is safe for concurrent use.
type Verifier struct {
	// Now returns the time; nil means time.Now. Set it before first use.
	Now func() time.Time

	cfg   Config
	names []string // of the issuer: Issuer, then Aliases
	keys  KeySet
}

// NewVerifier returns a Verifier for tokens that satisfy cfg and are signed with one of keys.
func NewVerifier(cfg Config, keys KeySet) *Verifier {
	if cfg.UserClaim == "" {
		cfg.UserClaim = "sub"
	}
	return &Verifier{cfg: cfg, names: append([]string{cfg.Issuer}, cfg.Aliases...), keys: keys}
}

// Verify returns the caller that the token speaks for, or an *InvalidTokenError,
// *InsufficientScopeError, *InsufficientRoleError or *KeysUnavailableError. With an error, the
// Caller has no UserID; its other fields are for the log.
//
// Rules that need no key are applied before keys are fetched, so that garbage costs the issuer
// nothing. Rights are checked last: only a genuine token learns that it lacks one.
func (v *Verifier) Verify(ctx context.Context, compact string) (Caller, error) {
	return v.apply(compact, func(t *token) error { return v.keys.verifySignature(ctx, t) })
}

// Inspect applies every rule except the signature, and returns the caller that the token claims to
// speak for. It is for tools that help to find the right Config: its result proves nothing.
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

// checkClaims checks that the token is meant for this service and valid now, and returns the user.
func (v *Verifier) checkClaims(claims strictjson.Object) (string, error) {
	if err := checkAudience(claims, v.cfg.Audiences); err != nil {
		return "", err
	}
	if err := checkTimes(claims, upstream.WallClock(v.Now)); err != nil {
		return "", err
	}
	return userID(claims, v.cfg.UserClaim)
}
