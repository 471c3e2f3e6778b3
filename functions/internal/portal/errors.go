package portal

import (
	"context"
	"errors"
	"strings"
	"time"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/problem"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// retryPause is the Retry-After of a failure that does not say when to retry.
const retryPause = 5 * time.Second

// problemOf maps every error that can end a request to its answer. No other code decides this.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p
	}
	var (
		invalidToken *auth.InvalidTokenError
		ambiguous    *ambiguity
		scope        *auth.InsufficientScopeError
		role         *auth.InsufficientRoleError
		keys         *auth.KeysUnavailableError
		stripe       *billing.Error
		aws          *upstream.Error
		secretError  secret.MalformedError
	)
	switch {
	case errors.As(err, &ambiguous):
		return ambiguous.problem()
	case errors.As(err, &invalidToken):
		return &problem.Problem{Code: problem.InvalidToken, Cause: err}
	case errors.As(err, &scope):
		return &problem.Problem{Code: problem.InsufficientScope, Scope: scope.Scope, Cause: err}
	case errors.As(err, &role):
		return &problem.Problem{Code: problem.InsufficientRole, Cause: err}
	case errors.As(err, &keys):
		return &problem.Problem{Code: problem.IdentityProviderUnavailable, RetryAfter: keys.RetryAfter, Cause: err}
	case errors.Is(err, customers.ErrNoCustomer):
		return &problem.Problem{Code: problem.NoBillingAccount, Cause: err}
	case errors.Is(err, customers.ErrMalformed), errors.As(err, &secretError):
		return &problem.Problem{Code: problem.BillingMisconfigured, Cause: err}
	case errors.As(err, &aws):
		return awsProblem(aws, err)
	case errors.As(err, &stripe):
		return stripeProblem(stripe)
	case errors.Is(err, context.DeadlineExceeded):
		return &problem.Problem{Code: problem.UpstreamTimeout, Cause: err}
	}
	return &problem.Problem{Code: problem.Internal, Cause: err}
}

func awsProblem(aws *upstream.Error, err error) *problem.Problem {
	switch {
	case aws.Timeout:
		return &problem.Problem{Code: problem.UpstreamTimeout, Cause: err}
	case aws.Permanent:
		return &problem.Problem{Code: problem.BillingMisconfigured, Cause: err}
	case aws.Service == upstream.DynamoDB:
		return &problem.Problem{Code: problem.CustomerStoreUnavailable, RetryAfter: retryPause, Cause: err}
	}
	return &problem.Problem{Code: problem.SecretsUnavailable, RetryAfter: retryPause, Cause: err}
}

func stripeProblem(err *billing.Error) *problem.Problem {
	switch err.Class {
	case billing.Unavailable:
		return &problem.Problem{Code: problem.BillingUnavailable, Cause: err}
	case billing.Timeout:
		return &problem.Problem{Code: problem.UpstreamTimeout, Cause: err}
	case billing.Busy:
		return &problem.Problem{Code: problem.BillingBusy, RetryAfter: max(err.RetryAfter, time.Second), Cause: err}
	case billing.NoSuchCustomer:
		return &problem.Problem{Code: problem.NoBillingAccount, Cause: err}
	case billing.NoSuchSubscription:
		return &problem.Problem{Code: problem.SubscriptionNotFound, Param: params.SafeName(err.Param), Cause: err}
	case billing.SubscriptionRefused:
		return &problem.Problem{Code: problem.SubscriptionNotEligible, Param: params.SafeName(err.Param), Cause: err}
	case billing.FlowUnavailable:
		return &problem.Problem{Code: problem.FlowUnavailable, Param: params.SafeName(err.Param), Cause: err}
	case billing.ParameterRefused:
		return parameterRefused(err)
	case billing.KeyRefused, billing.PermissionMissing, billing.ModeMismatch, billing.NoSuchConfiguration,
		billing.NoSuchAccount, billing.PortalNotConfigured, billing.RequestRefused:
		return &problem.Problem{Code: problem.BillingMisconfigured, Cause: err}
	}
	return &problem.Problem{Code: problem.BillingBadResponse, Cause: err}
}

// parameterError decides who can correct a parameter that Stripe refuses: the caller if they sent
// it, otherwise an operator, because customer comes from the mapping and the others have defaults.
// flow_data has no default: if the caller sent it, an error in it is theirs, even if a member is
// missing.
func parameterError(err error, in params.Input) error {
	var refusal *billing.Error
	if !errors.As(err, &refusal) {
		return err
	}
	switch refusal.Class { // the code of the other classes does not depend on the sender
	case billing.ParameterRefused, billing.NoSuchConfiguration, billing.NoSuchAccount:
	default:
		return err
	}
	name, _, _ := strings.Cut(refusal.Param, "[")
	if !in.Has(name) {
		return &problem.Problem{Code: problem.BillingMisconfigured, Cause: err}
	}
	return parameterRefused(refusal)
}

func parameterRefused(err *billing.Error) *problem.Problem {
	return &problem.Problem{Code: problem.InvalidParameter, Param: params.SafeName(err.Param),
		Detail: "The billing provider does not accept this value.", Cause: err}
}

// isStaleMapping reports whether the user is mapped to a customer that does not exist at Stripe. An
// operator must correct the table.
func isStaleMapping(p *problem.Problem) bool {
	var stripe *billing.Error
	return errors.As(p.Cause, &stripe) && stripe.Class == billing.NoSuchCustomer
}
