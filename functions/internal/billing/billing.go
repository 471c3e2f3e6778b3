// Package billing creates sessions of Stripe's customer portal, and reads the
// subscriptions that they are about.
//
// A [Client] adds to stripe-go what a request of ten seconds needs: a bound for
// every try, retries that end with the caller's context, a limit on what is
// read, and an answer that is checked before anybody is sent anywhere. Its
// errors carry a [Class] and never Stripe's text, which can hold parts of a key,
// e-mail addresses and URLs.
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
	maxTries      = 3 // the first and two retries
	firstPause    = 200 * time.Millisecond
	maxAnswerSize = 1 << 20 // bytes; a portal session has about one thousand
)

// Config says how to reach Stripe and what to accept from it.
type Config struct {
	// APIBase is the URL of Stripe's API without a trailing slash.
	APIBase string
	// Livemode is the mode that sessions must be of.
	Livemode bool
	// PortalHosts are the hosts that a session's URL may have, with the port
	// where it is not the scheme's own.
	PortalHosts []string
	// Transport makes the calls; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// Pause waits between tries; nil means [Pause].
	Pause func(ctx context.Context, d time.Duration) error
	// APIVersion is the version that Read and Write ask for; "" means the one that stripe-go pins.
	APIVersion string
}

// Client calls Stripe. It is safe for concurrent use.
type Client struct {
	config  Config
	backend stripe.Backend
}

// New returns a client of Stripe's API in the version that stripe-go pins.
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
				// A redirect of a POST that carries a key is followed nowhere.
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
			// stripe-go's own retries sleep past the end of the context.
			MaxNetworkRetries: stripe.Int64(0),
			EnableTelemetry:   stripe.Bool(false),
			// The default logger prints the portal's URL when a body is cut short.
			LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
		}),
	}
}

// Session is a portal session as Stripe created it.
type Session struct {
	// URL leads to the portal. Whoever has it is the customer: it is a secret.
	URL string
	// JSON is the session object, byte for byte as Stripe sent it.
	JSON json.RawMessage
	// Calls tells how it was obtained.
	Calls Calls
}

// Calls tells what it took to get an answer from Stripe.
type Calls struct {
	// Attempts is the number of requests sent, 1 to 3.
	Attempts int
	// RequestID is Stripe's ID of the last request that it answered, or "".
	RequestID string
}

// The flow in which customers change their tax IDs and billing address, and the oldest version of
// Stripe's API that has it. A session with this flow asks for that version, and every other one for
// the version that stripe-go pins.
//
// https://docs.stripe.com/changelog/dahlia/2026-08-26/adds-a-customer-update-deep-link-for-billing-portal-sessions
const (
	CustomerUpdate        = "customer_update"
	CustomerUpdateVersion = "2026-08-26.dahlia"
)

// CreateSession creates a portal session with the key. params.Customer must be
// set; CreateSession sets the fields that params shares with all calls. Every
// error is an [*Error].
//
// https://docs.stripe.com/api/customer_portal/sessions/create
func (c *Client) CreateSession(ctx context.Context, key string,
	params *stripe.BillingPortalSessionParams) (*Session, error) {
	var created *stripe.BillingPortalSession
	if flow := params.FlowData; flow != nil && stripe.StringValue(flow.Type) == CustomerUpdate {
		params.Headers = http.Header{"Stripe-Version": {CustomerUpdateVersion}}
	}
	// Random for each request: a key derived from the user would replay an old
	// session, or refuse a new one with other parameters.
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

// permission is what a call needs of a restricted key, in the words of Stripe's
// dashboard.
//
// https://docs.stripe.com/keys#limit-access
type permission string

const (
	portalWrite       permission = "Customer portal: Write"
	subscriptionsRead permission = "Subscriptions: Read"
	productsRead      permission = "Products: Read"
)

// do runs call until it succeeds, fails for good, or its time or its tries run
// out. call sends common as part of its parameters, with the context of the try.
//
// https://docs.stripe.com/error-low-level
func (c *Client) do(ctx context.Context, needs permission, common *stripe.Params, call func() error) (Calls, *Error) {
	var calls Calls
	isLost := false // a connection that may have carried the request
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

// Pause waits for d or until ctx ends. It does not start a wait that ctx cannot
// outlast.
func Pause(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return context.DeadlineExceeded
	}
	return upstream.Pause(ctx, d)
}

// errTooLarge ends the reading of an answer that is no answer of Stripe's.
var errTooLarge = errors.New("billing: answer too large")
