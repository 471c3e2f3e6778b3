package operator

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/app/internal/config"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// StripeAccount reads and writes objects of a Stripe account.
type StripeAccount struct {
	client   *billing.Client
	key      string
	livemode bool
}

// NewStripeAccount returns the account of a key. value is the value of the secret that has the key;
// it is read as the function reads it. The environment has the base URL and the mode; without
// STRIPE_LIVEMODE the key decides the mode. apiVersion is a version of Stripe's API; "" means the
// version that the functions use. The error names the fault, and repeats no part of the key.
func NewStripeAccount(getenv func(string) string, value, apiVersion string) (*StripeAccount, error) {
	e := config.NewEnvironment(getenv)
	field := e.StripeSecretField()
	apiBase := e.StripeAPIBase()
	modes := []bool{false, true}
	if mode := e.OneOf("STRIPE_LIVEMODE", config.Optional, "true", "false"); mode != "" {
		modes = []bool{mode == "true"}
	}
	if err := e.Err(); err != nil {
		return nil, err
	}
	var refused error
	for _, livemode := range modes {
		key, err := secret.StripeKey(field, livemode)(value)
		if err != nil {
			refused = err
			continue
		}
		return &StripeAccount{key: key.Reveal(), livemode: livemode, client: billing.New(billing.Config{
			APIBase: apiBase, Livemode: livemode, APIVersion: apiVersion,
			Transport: upstream.BufferRequests{Next: upstream.NewTransport()},
		})}, nil
	}
	return nil, refused
}

// Livemode reports whether the account is read in live mode.
func (a *StripeAccount) Livemode() bool { return a.livemode }

// StripeRefusal is the error of a failed request to Stripe.
type StripeRefusal struct {
	// Wait is the time to wait before a retry; 0 if a retry does not help.
	Wait time.Duration
	// IsBusy reports that Stripe has too many requests, or has not finished an earlier one.
	IsBusy bool
	// IsMissing reports that the requested object does not exist.
	IsMissing bool
	// Param is the parameter that Stripe refused, as it was sent; "" if Stripe named no parameter.
	Param string
	// RequestID is Stripe's ID of the request, or "".
	RequestID string
	reason    string
}

func (r *StripeRefusal) Error() string { return r.reason }

// Read gets an object or a list. Its errors are [*StripeRefusal] and ctx's own.
func (a *StripeAccount) Read(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	document, err := a.client.Read(ctx, a.key, path, query)
	return document, stripeRefusal(err)
}

// Write creates or updates an object. Its errors are those of Read.
func (a *StripeAccount) Write(
	ctx context.Context, path string, form url.Values, idempotencyKey string,
) (json.RawMessage, error) {
	document, err := a.client.Write(ctx, a.key, path, form, idempotencyKey)
	return document, stripeRefusal(err)
}

func stripeRefusal(err error) error {
	var failure *billing.Error
	if !errors.As(err, &failure) {
		return err // ctx's own, or nil
	}
	refusal := &StripeRefusal{
		reason: failure.Error(), IsMissing: failure.Code == stripe.ErrorCodeResourceMissing,
		Param: failure.Param, RequestID: failure.Calls.RequestID,
	}
	switch failure.Class { // the other classes need no flag
	case billing.Busy:
		refusal.IsBusy, refusal.Wait = true, max(failure.RetryAfter, time.Second)
	case billing.Unavailable, billing.Timeout, billing.BadResponse:
		refusal.Wait = 5 * time.Second
	}
	return refusal
}
