package webhook

import (
	"context"
	"errors"
	"time"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/problem"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// errNoSecrets means that this deployment does not take events over HTTP.
var errNoSecrets = errors.New("webhook: no signing secret is configured")

// retryPause is the Retry-After of a failure of unknown duration.
const retryPause = 5 * time.Second

// problemOf returns the answer to every error of this package. Only this function decides that.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p
	}
	var aws *upstream.Error
	var malformed secret.MalformedError
	isAWS := errors.As(err, &aws)
	switch {
	case errors.Is(err, errNoSignature), errors.Is(err, errSignatureTime), errors.Is(err, errSignature):
		return &problem.Problem{Code: problem.InvalidSignature, Cause: err}
	case errors.Is(err, errEvent):
		return &problem.Problem{Code: problem.InvalidRequest,
			Detail: "The body is not a Stripe event.", Cause: err}
	case errors.Is(err, errContext), errors.Is(err, errNoSource), errors.Is(err, errOtherSource),
		errors.Is(err, customers.ErrMalformed), errors.Is(err, customers.ErrMalformedFacts), errors.As(err, &malformed),
		isAWS && aws.Permanent:
		return &problem.Problem{Code: problem.WebhookMisconfigured, Cause: err}
	case isAWS && aws.Service == upstream.SecretsManager:
		return &problem.Problem{Code: problem.SecretsUnavailable, RetryAfter: retryPause, Cause: err}
	case isAWS, errors.Is(err, customers.ErrRace), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, context.Canceled):
		return &problem.Problem{Code: problem.CustomerStoreUnavailable, RetryAfter: retryPause, Cause: err}
	}
	return &problem.Problem{Code: problem.Internal, Cause: err}
}
