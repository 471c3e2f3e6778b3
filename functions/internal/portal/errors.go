package portal

import (
	"context"
	"errors"
	"strings"
	"time"

	"billingportal/functions/internal/answer"
	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// retryPause is the Retry-After of a failure that did not say when it will be over.
const retryPause = 5 * time.Second

// problemOf maps every error that a request can end with to its answer. It is
// the one place where that is decided.
func problemOf(err error) *answer.Problem {
	var problem *answer.Problem
	if errors.As(err, &problem) {
		return problem
	}
	var (
		invalidToken *auth.InvalidTokenError
		ambiguous    *ambiguity
		scope        *auth.InsufficientScopeError
		role         *auth.InsufficientRoleError
		keys         *auth.KeysUnavailableError
		stripe       *billing.Error
		aws          *upstream.Error
	)
	switch {
	case errors.As(err, &ambiguous):
		return ambiguous.problem()
	case errors.As(err, &invalidToken):
		return &answer.Problem{Code: "invalid-token", Cause: err}
	case errors.As(err, &scope):
		return &answer.Problem{Code: "insufficient-scope", Scope: scope.Scope, Cause: err}
	case errors.As(err, &role):
		return &answer.Problem{Code: "insufficient-role", Cause: err}
	case errors.As(err, &keys):
		return &answer.Problem{Code: "identity-provider-unavailable", RetryAfter: keys.RetryAfter, Cause: err}
	case errors.Is(err, customers.ErrNoCustomer):
		return &answer.Problem{Code: "no-billing-account", Cause: err}
	case errors.Is(err, customers.ErrMalformed), errors.Is(err, secret.ErrMalformed):
		return &answer.Problem{Code: "billing-misconfigured", Cause: err}
	case errors.As(err, &aws):
		return awsProblem(aws, err)
	case errors.As(err, &stripe):
		return stripeProblem(stripe)
	case errors.Is(err, context.DeadlineExceeded):
		return &answer.Problem{Code: "upstream-timeout", Cause: err}
	}
	return &answer.Problem{Code: "internal", Cause: err}
}

func awsProblem(aws *upstream.Error, err error) *answer.Problem {
	switch {
	case aws.Timeout:
		return &answer.Problem{Code: "upstream-timeout", Cause: err}
	case aws.Permanent:
		return &answer.Problem{Code: "billing-misconfigured", Cause: err}
	case aws.Service == "dynamodb":
		return &answer.Problem{Code: "customer-store-unavailable", RetryAfter: retryPause, Cause: err}
	}
	return &answer.Problem{Code: "secrets-unavailable", RetryAfter: retryPause, Cause: err}
}

func stripeProblem(err *billing.Error) *answer.Problem {
	switch err.Class {
	case billing.Unavailable:
		return &answer.Problem{Code: "billing-unavailable", Cause: err}
	case billing.Timeout:
		return &answer.Problem{Code: "upstream-timeout", Cause: err}
	case billing.Busy:
		return &answer.Problem{Code: "billing-busy", RetryAfter: max(err.RetryAfter, time.Second), Cause: err}
	case billing.NoSuchCustomer:
		return &answer.Problem{Code: "no-billing-account", Cause: err}
	case billing.NoSuchSubscription:
		return &answer.Problem{Code: "subscription-not-found", Param: params.SafeName(err.Param), Cause: err}
	case billing.SubscriptionRefused:
		return &answer.Problem{Code: "subscription-not-eligible", Param: params.SafeName(err.Param), Cause: err}
	case billing.FlowUnavailable:
		return &answer.Problem{Code: "flow-unavailable", Param: params.SafeName(err.Param), Cause: err}
	case billing.ParameterRefused:
		return parameterRefused(err)
	case billing.KeyRefused, billing.PermissionMissing, billing.ModeMismatch, billing.NoSuchConfiguration,
		billing.NoSuchAccount, billing.PortalNotConfigured, billing.RequestRefused:
		return &answer.Problem{Code: "billing-misconfigured", Cause: err}
	}
	return &answer.Problem{Code: "billing-bad-response", Cause: err}
}

// blame says whose matter a parameter is that Stripe refuses: the caller's if they sent it, otherwise an operator's, because customer
// comes from the mapping and the others have defaults. Below flow_data, which has none, even one that is missing is the caller's.
func blame(err error, in params.Input) error {
	var refusal *billing.Error
	if !errors.As(err, &refusal) {
		return err
	}
	switch refusal.Class { //nolint:exhaustive // the others have a code that does not depend on the sender
	case billing.ParameterRefused, billing.NoSuchConfiguration, billing.NoSuchAccount:
	default:
		return err
	}
	name, _, _ := strings.Cut(refusal.Param, "[")
	if !in.Has(name) {
		return &answer.Problem{Code: "billing-misconfigured", Cause: err}
	}
	return parameterRefused(refusal)
}

func parameterRefused(err *billing.Error) *answer.Problem {
	return &answer.Problem{Code: "invalid-parameter", Param: params.SafeName(err.Param), Detail: "The billing provider does not accept this value.", Cause: err}
}

// isStaleMapping reports whether a user is mapped to a customer that does not
// exist at Stripe: an operator has to correct the table.
func isStaleMapping(problem *answer.Problem) bool {
	var stripe *billing.Error
	return errors.As(problem.Cause, &stripe) && stripe.Class == billing.NoSuchCustomer
}
