package billing

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/form"
)

// raw is an object of Stripe's as it came.
type raw struct{ stripe.APIResource }

// Read asks for an object or a list, and returns it as Stripe sent it. It is for tools that look whether a deployment can work, and
// for those that import; path is the object's in the API, with its version. Every error is an [*Error].
func (c *Client) Read(ctx context.Context, key, path string, query url.Values) (json.RawMessage, error) {
	params := &stripe.Params{}
	if strings.HasPrefix(path, v2) {
		params.Headers = http.Header{"Stripe-Version": {v2Version}}
	}
	values := &form.Values{}
	for name := range query {
		values.Add(name, query.Get(name))
	}
	var answer raw
	_, err := c.do(ctx, "", params, func() error {
		return c.backend.CallRaw(http.MethodGet, path, key, values, params, &answer)
	})
	if err != nil {
		return nil, err
	}
	return answer.LastResponse.RawJSON, nil
}

// The second version of the API has no objects in the version that stripe-go pins. This is the first with event destinations, the
// only ones that are read.
//
// https://docs.stripe.com/changelog/acacia/2024-10-28/event-destinations-api
const (
	v2        = "/v2/"
	v2Version = "2024-10-28.acacia"
)

// ProbeSessions returns nil if the key may create portal sessions. It asks for one of a customer who cannot exist, which Stripe
// refuses once it has checked the permission: nothing is created.
func (c *Client) ProbeSessions(ctx context.Context, key string) error {
	_, err := c.CreateSession(ctx, key, &stripe.BillingPortalSessionParams{Customer: stripe.String("cus_NobodyBillingPortalPreflight")})
	var failure *Error
	switch {
	case !errors.As(err, &failure):
		return err
	case failure.Class == NoSuchCustomer, failure.Class == PortalNotConfigured, failure.Class == RequestRefused, failure.Class == ParameterRefused:
		return nil
	}
	return failure
}
