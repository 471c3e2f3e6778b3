package webhook

import (
	"context"
	"errors"
	"time"

	"billingportal/functions/internal/answer"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// errNoSecrets means that this deployment takes no events over HTTP.
var errNoSecrets = errors.New("webhook: no signing secret is configured")

// retryPause is the Retry-After of a failure that did not say when it will be over.
const retryPause = 5 * time.Second

// problemOf maps every error that an event can end with to its answer. It is the one place where that is decided.
func problemOf(err error) *answer.Problem {
	var problem *answer.Problem
	if errors.As(err, &problem) {
		return problem
	}
	var aws *upstream.Error
	isAWS := errors.As(err, &aws)
	switch {
	case errors.Is(err, errNoSignature), errors.Is(err, errSignatureTime), errors.Is(err, errSignature):
		return &answer.Problem{Code: "invalid-signature", Cause: err}
	case errors.Is(err, errEvent):
		return &answer.Problem{Code: "invalid-request", Detail: "The body is not an event of Stripe's.", Cause: err}
	case errors.Is(err, errContext), errors.Is(err, errNoSource), errors.Is(err, errOtherSource), errors.Is(err, customers.ErrMalformed), errors.Is(err, customers.ErrMalformedFacts), errors.Is(err, secret.ErrMalformed),
		isAWS && aws.Permanent:
		return &answer.Problem{Code: "webhook-misconfigured", Cause: err}
	case isAWS && aws.Service == "secretsmanager":
		return &answer.Problem{Code: "secrets-unavailable", RetryAfter: retryPause, Cause: err}
	case isAWS, errors.Is(err, customers.ErrRace), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &answer.Problem{Code: "customer-store-unavailable", RetryAfter: retryPause, Cause: err}
	}
	return &answer.Problem{Code: "internal", Cause: err}
}
