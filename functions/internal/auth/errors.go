package auth

import (
	"errors"
	"fmt"
	"time"
)

// InvalidTokenError means that the token proves nothing: it is malformed, expired, meant for
// another audience, or not signed by the issuer. The answer is 401 with error="invalid_token" (RFC
// 6750, section 3.1).
type InvalidTokenError struct {
	Reason Reason
	Err    error // says why the header or payload is not a JSON object; nil for any other reason
}

func (e *InvalidTokenError) Error() string { return "invalid token: " + e.Rule() }

// Rule returns the rule that the token breaks: the reason, followed by the error if there is one.
func (e *InvalidTokenError) Rule() string {
	if e.Err != nil {
		return string(e.Reason) + ": " + e.Err.Error()
	}
	return string(e.Reason)
}

// InsufficientScopeError means that the token is genuine but lacks the required scope: 403 with
// error="insufficient_scope" (RFC 6750, section 3.1).
type InsufficientScopeError struct {
	Scope string // the configured scope, which the answer may name
}

func (e *InsufficientScopeError) Error() string {
	return fmt.Sprintf("token lacks the scope %q", e.Scope)
}

// InsufficientRoleError means that the token is genuine, but its required claim has no accepted
// value: 403.
type InsufficientRoleError struct {
	Claim string // the configured claim's name
}

func (e *InsufficientRoleError) Error() string {
	return fmt.Sprintf("token's claim %q has no accepted value", e.Claim)
}

// KeysUnavailableError means that the token could not be checked, because the issuer's keys are not
// available now. The answer is 503 with Retry-After, never 401, which would sign out every user
// while the issuer is down.
type KeysUnavailableError struct {
	// RetryAfter is the time until another attempt makes sense: whole seconds, at least one.
	RetryAfter time.Duration

	// Err says what failed, in fixed texts. It wraps a context error only if the request's own
	// context ended the wait: an issuer that does not answer in time is not
	// context.DeadlineExceeded.
	Err error
}

func (e *KeysUnavailableError) Error() string {
	return "the issuer's keys are unavailable: " + e.Err.Error()
}

func (e *KeysUnavailableError) Unwrap() error { return e.Err }

// IsTimeout reports whether the issuer did not answer in time. Another try may succeed.
func (e *KeysUnavailableError) IsTimeout() bool { return errors.Is(e.Err, errTimeout) }

func invalid(reason Reason) error { return &InvalidTokenError{Reason: reason} }

// keysUnavailable rounds wait up to whole seconds for Retry-After (RFC 9110, section 10.2.3).
func keysUnavailable(wait time.Duration, err error) error {
	seconds := (wait + time.Second - 1) / time.Second
	return &KeysUnavailableError{RetryAfter: max(seconds, 1) * time.Second, Err: err}
}
