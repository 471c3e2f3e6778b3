package auth

import (
	"errors"
	"testing"
	"time"
)

func TestRetryAfterIsInWholeSeconds(t *testing.T) {
	for wait, want := range map[time.Duration]time.Duration{
		-time.Second:            time.Second,
		0:                       time.Second,
		time.Millisecond:        time.Second,
		time.Second:             time.Second,
		1001 * time.Millisecond: 2 * time.Second,
		30 * time.Second:        30 * time.Second,
	} {
		var unavailable *KeysUnavailableError
		if err := keysUnavailable(wait, errTimeout); !errors.As(err, &unavailable) || unavailable.RetryAfter != want {
			t.Errorf("%v: got %v, want %v", wait, unavailable.RetryAfter, want)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	for want, err := range map[string]error{
		"invalid token: expired":                               invalid("expired"),
		`token lacks the scope "billing"`:                      &InsufficientScopeError{Scope: "billing"},
		`token's claim "org_role" has no accepted value`:       &InsufficientRoleError{Claim: "org_role"},
		"the issuer's keys are unavailable: no answer in time": keysUnavailable(0, errTimeout),
	} {
		expect(t, "text", err.Error(), want)
	}
}
