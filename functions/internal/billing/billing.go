// Package billing calls Stripe: it creates sessions of the customer portal and reads the
// subscriptions that the sessions are about. Its input is a secret key and the parameters of a
// call; its output is Stripe's answer or an [*Error].
//
// A [Client] adds to stripe-go the limits that a request of ten seconds needs: a time limit for
// every try, retries that end with the caller's context, and a limit on the size of an answer. It
// also checks a session before the caller is sent to its URL. Errors have a [Class] and never
// contain Stripe's text, which can include parts of a key, e-mail addresses and URLs.
package billing

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/billingportal/session"

	"billingportal/functions/internal/upstream"
)

const (
	tryTimeout    = 4 * time.Second
	maxTries      = 3 // the first try and two retries
	firstPause    = 200 * time.Millisecond
	maxAnswerSize = 1 << 20 // bytes; a portal session has about 1,000
)

// Config sets how to reach Stripe and which sessions to accept.
type Config struct {
	// APIBase is the URL of the Stripe API, without a trailing slash.
	APIBase string
	// Livemode is the mode that sessions must have.
	Livemode bool
	// PortalHosts are the hosts that a session's URL may have, with the port if the URL has one.
	PortalHosts []string
	// Transport sends the requests; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// Pause waits between tries; nil means [Pause].
	Pause func(ctx context.Context, d time.Duration) error
	// APIVersion is the version that Read and Write request; "" means the one that stripe-go pins.
	APIVersion string
}

// Client calls Stripe. It is safe for concurrent use.
type Client struct {
	config  Config
	backend stripe.Backend
}

// New returns a client for Stripe's API, in the version that stripe-go pins.
func New(config Config) *Client {
	if config.Transport == nil {
		config.Transport = http.DefaultTransport
	}
	if config.Pause == nil {
		config.Pause = Pause
	}
	return &Client{
		config: config,
		backend: stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
			URL: stripe.String(config.APIBase),
			HTTPClient: &http.Client{
				Transport: &observer{next: config.Transport},
				// Do not follow redirects: the POST carries a key.
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
			// do makes the retries, because stripe-go's own sleep past the end of the context.
			MaxNetworkRetries: stripe.Int64(0),
			EnableTelemetry:   stripe.Bool(false),
			// The default logger prints the portal's URL if a body is cut short.
			LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
		}),
	}
}

// Session is a portal session as Stripe created it.
type Session struct {
	// URL leads to the portal. It is a secret: it opens the portal as the customer, without signing
	// in.
	URL string
	// JSON is the session object, byte for byte as Stripe sent it.
	JSON json.RawMessage
	// Calls describes the requests that created the session.
	Calls Calls
}

// Calls describes the requests that a call to Stripe needed.
type Calls struct {
	// Attempts is the number of requests sent, 1 to 3.
	Attempts int
	// RequestID is Stripe's ID of the last request that it answered, or "".
	RequestID string
}

// CustomerUpdate is the flow in which customers change their tax IDs and billing address.
// CustomerUpdateVersion is the oldest API version that has it. A session with this flow requests
// that version; every other session requests the version that stripe-go pins.
//
// https://docs.stripe.com/changelog/dahlia/2026-08-26/adds-a-customer-update-deep-link-for-billing-portal-sessions
const (
	CustomerUpdate        = "customer_update"
	CustomerUpdateVersion = "2026-08-26.dahlia"
)

// CreateSession creates a portal session with the key. params.Customer must be set. CreateSession
// sets the parameters that all calls share, such as the idempotency key. Every error is an
// [*Error].
//
// https://docs.stripe.com/api/customer_portal/sessions/create
func (c *Client) CreateSession(ctx context.Context, key string,
	params *stripe.BillingPortalSessionParams) (*Session, error) {
	var created *stripe.BillingPortalSession
	if flow := params.FlowData; flow != nil && stripe.StringValue(flow.Type) == CustomerUpdate {
		params.Headers = http.Header{"Stripe-Version": {CustomerUpdateVersion}}
	}
	// The key is random for each request. A key derived from the user would return an old session,
	// or an error if the other parameters differ.
	params.SetIdempotencyKey(rand.Text())
	calls, err := c.do(ctx, portalWrite, &params.Params, func() (err error) {
		created, err = session.Client{B: c.backend, Key: key}.New(params)
		return err
	})
	if err != nil {
		return nil, err
	}
	if class := c.check(created, stripe.StringValue(params.Customer)); class != 0 {
		return nil, &Error{Class: class, Calls: calls}
	}
	return &Session{URL: created.URL, JSON: created.LastResponse.RawJSON, Calls: calls}, nil
}

// A permission is the permission of a restricted key that a call needs, as Stripe's dashboard names
// it.
//
// https://docs.stripe.com/keys#limit-access
type permission string

const (
	portalWrite       permission = "Customer portal: Write"
	subscriptionsRead permission = "Subscriptions: Read"
	productsRead      permission = "Products: Read"
)

// do runs call until it succeeds, fails permanently, or runs out of time or tries. It sets the
// context of each try in common, which call must send with its parameters.
//
// https://docs.stripe.com/error-low-level
func (c *Client) do(ctx context.Context, needs permission, common *stripe.Params, call func() error) (Calls, *Error) {
	var calls Calls
	isLost := false // a connection broke that may have carried the request
	for {
		calls.Attempts++
		observed := &observation{afterLoss: isLost}
		try, cancel := context.WithTimeout(withObservation(ctx, observed), tryTimeout)
		common.Context = try
		err := call()
		cancel()
		if observed.requestID != "" {
			calls.RequestID = observed.requestID
		}
		if err == nil && observed.status == http.StatusOK {
			return calls, nil
		}
		isLost = isLost || observed.broken != nil
		failure := classify(err, observed)
		failure.Calls, failure.needs = calls, needs
		if !failure.retryable || calls.Attempts == maxTries ||
			c.config.Pause(ctx, firstPause<<(calls.Attempts-1)) != nil {
			return calls, failure
		}
	}
}

// Pause waits for d or until ctx ends. It returns at once if the deadline of ctx comes before the
// end of d.
func Pause(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return context.DeadlineExceeded
	}
	return upstream.Pause(ctx, d)
}

// errTooLarge stops the reading of an answer that is too large to come from Stripe's API.
var errTooLarge = errors.New("billing: answer too large")
