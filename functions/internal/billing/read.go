package billing

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/form"
)

// raw is an object from Stripe, unchanged.
type raw struct{ stripe.APIResource }

// Read fetches an object or a list, and returns it as Stripe sent it. It is for tools that check a
// deployment or import customers. path is the object's path in the API, including the version.
// Every error is an [*Error].
func (c *Client) Read(ctx context.Context, key, path string, query url.Values) (json.RawMessage, error) {
	answer, _, err := c.call(ctx, http.MethodGet, key, path, query, &stripe.Params{})
	return answer, err
}

// Write creates or updates an object, and returns it as Stripe sent it. It is for operators' tools.
// Another call with the same idempotency key has no further effect. Every error is an [*Error]
// whose Param is "" or a parameter in form.
func (c *Client) Write(ctx context.Context, key, path string, form url.Values,
	idempotencyKey string) (json.RawMessage, error) {
	params := &stripe.Params{}
	params.SetIdempotencyKey(idempotencyKey)
	answer, refused, err := c.call(ctx, http.MethodPost, key, path, form, params)
	var failure *Error
	if errors.As(err, &failure) {
		failure.Param = sentParam(form, refused)
		if slices.Contains(sessionClasses, failure.Class) {
			failure.Class = RequestRefused
			if failure.Param != "" {
				failure.Class = ParameterRefused
			}
		}
	}
	return answer, err
}

// sessionClasses are classes of refusals that only a portal session can have. Stripe uses some of
// the words that they are recognized by for other objects too.
var sessionClasses = []Class{
	NoSuchCustomer, NoSuchAccount, PortalNotConfigured, FlowUnavailable, NoSuchSubscription, SubscriptionRefused,
	ParameterRefused, RequestRefused,
}

// call also returns the parameter that Stripe refuses, as Stripe spells it. It can be any text.
func (c *Client) call(ctx context.Context, method, key, path string, query url.Values,
	params *stripe.Params) (document json.RawMessage, refused string, err error) {
	if version := c.version(path); version != "" {
		params.Headers = http.Header{"Stripe-Version": {version}}
	}
	var needs permission
	if strings.HasPrefix(path, "/v1/billing_portal/") {
		needs = portalWrite
	}
	values := &form.Values{}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values.Add(name, query.Get(name))
	}
	var answer raw
	_, failure := c.do(ctx, needs, params, func() error {
		err := c.backend.CallRaw(method, path, key, values, params, &answer)
		var refusal *stripe.Error
		if refused = ""; errors.As(err, &refusal) {
			refused = refusal.Param
		}
		return err
	})
	if failure != nil {
		return nil, refused, failure
	}
	return answer.LastResponse.RawJSON, "", nil
}

func (c *Client) version(path string) string {
	if strings.HasPrefix(path, v2) {
		return v2Version
	}
	return c.config.APIVersion
}

// sentParam returns the parameter of form that Stripe names, or "". The name on the wire can be any
// text, so the result is always a name that was sent.
func sentParam(form url.Values, wire string) string {
	wanted := memberPath(wire)
	if wanted == "" {
		return ""
	}
	var similar string // an element of the list, or a member of the object, that Stripe means
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if name == wire {
			return name
		}
		if path := memberPath(name); similar == "" && (path == wanted || strings.HasPrefix(path, wanted+".")) {
			similar = name
		}
	}
	return similar
}

// memberPath spells a parameter with dots and without indexes. Stripe names an element of a list
// with or without its index, and a member with brackets or with a dot (see paramOf).
func memberPath(name string) string {
	parts := strings.Split(strings.NewReplacer("][", ".", "[", ".", "]", "").Replace(name), ".")
	return strings.Join(slices.DeleteFunc(parts,
		func(part string) bool { return strings.Trim(part, "0123456789") == "" }), ".")
}

// The version that stripe-go pins has no objects under /v2. v2Version is the first version with
// event destinations, the only /v2 objects that are read.
//
// https://docs.stripe.com/changelog/acacia/2024-10-28/event-destinations-api
const (
	v2        = "/v2/"
	v2Version = "2024-10-28.acacia"
)

// probeCustomer is the ID of a customer that cannot exist. Stripe checks the permission and the
// parameters before it refuses a session for this customer, so nothing is created.
const probeCustomer = "cus_NobodyBillingPortalPreflight"

// ProbeSessions returns nil if the key may create portal sessions.
func (c *Client) ProbeSessions(ctx context.Context, key string) error {
	_, err := c.CreateSession(ctx, key, &stripe.BillingPortalSessionParams{Customer: stripe.String(probeCustomer)})
	var failure *Error
	switch {
	case !errors.As(err, &failure):
		return err
	case failure.Class == NoSuchCustomer, failure.Class == PortalNotConfigured, failure.Class == RequestRefused,
		failure.Class == ParameterRefused:
		return nil
	}
	return failure
}

// ProbeFlow returns nil if Stripe knows this type of flow in the API version that sessions with it
// request. If Stripe does not know it, the error has the class ParameterRefused or RequestRefused.
func (c *Client) ProbeFlow(ctx context.Context, key, flow string) error {
	_, err := c.CreateSession(ctx, key, &stripe.BillingPortalSessionParams{
		Customer: stripe.String(probeCustomer),
		FlowData: &stripe.BillingPortalSessionFlowDataParams{Type: stripe.String(flow)},
	})
	var failure *Error
	if errors.As(err, &failure) && failure.Class == NoSuchCustomer {
		return nil
	}
	return err
}
