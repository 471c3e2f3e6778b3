// Package portal is the HTTP handler behind a "Manage billing" button. POST /billing/portal creates
// a customer portal session for the caller and sends them there; GET /billing/status says whether
// the caller has anything to manage.
//
// A request passes these steps: read the body ([params.Read]), find and verify the only credential,
// check the parameters ([params.Policy]), map the user to a customer, and create the session. Every
// error becomes a [problem.Problem] with a code of the API.
package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/button"
	"billingportal/functions/internal/language"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/problem"
	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// Path is the path of portal sessions.
const Path = "/billing/portal"

// Verifier authenticates a token. Its errors are those of package auth.
type Verifier interface {
	Verify(ctx context.Context, token string) (auth.Caller, error)
}

// CustomerStore maps a user to a Stripe customer. Its errors are those of package
// customers.
type CustomerStore interface {
	CustomerID(ctx context.Context, userID string) (string, error)
}

// KeySource holds the Stripe key. Fetched returns when the current key was fetched. Renewed returns
// the key that replaced one that Stripe refuses, and false if there is no newer key. The errors are
// those of package secret.
type KeySource interface {
	Get(ctx context.Context) (secret.Key, error)
	Fetched() time.Time
	Renewed(ctx context.Context, refused secret.Key) (secret.Key, bool, error)
}

// SessionCreator creates portal sessions. Its errors are [*billing.Error].
type SessionCreator interface {
	CreateSession(ctx context.Context, key string, params *stripe.BillingPortalSessionParams) (*billing.Session, error)
}

// SubscriptionReader reads the subscriptions that a flow may act on. Its errors are
// [*billing.Error].
type SubscriptionReader interface {
	Subscription(ctx context.Context, key, id string) (billing.Subscription, billing.Calls, error)
	Subscriptions(ctx context.Context, key, customer string) ([]billing.Subscription, billing.Calls, error)
	ProductNames(ctx context.Context, key string, ids []string) (map[string]string, billing.Calls, error)
}

// Config has the parts of a handler.
type Config struct {
	Verifier  Verifier
	Customers CustomerStore
	Keys      KeySource
	Sessions  SessionCreator
	// Subscriptions reads the subscriptions of flows and of the status.
	Subscriptions SubscriptionReader
	Policy        params.Policy
	// Livemode is the mode that the deployment serves.
	Livemode bool
	// SessionCookie names the cookie that may hold the token; "" for none.
	SessionCookie string
	// NoAccountURL is the redirect target of a navigation without a billing account; "" means an
	// error page.
	NoAccountURL string
	// Log writes one line for each request.
	Log *requestlog.RequestLog
	// RequestID returns the ID of the request to which a context belongs.
	RequestID func(ctx context.Context) string
}

// Handler is the http.Handler of the portal function.
type Handler struct {
	Config
	credentials credentials
}

// New returns a handler. It fails if an allowed origin is invalid.
func New(config Config) (*Handler, error) {
	csrf := http.NewCrossOriginProtection()
	for _, origin := range config.Policy.AllowedOrigins {
		if err := csrf.AddTrustedOrigin(string(origin)); err != nil {
			return nil, fmt.Errorf("trust origin %s: %w", origin, err)
		}
	}
	return &Handler{
		Config:      config,
		credentials: credentials{cookie: config.SessionCookie, csrf: csrf},
	}, nil
}

// ServeHTTP answers a request and logs one line about it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	record := h.begin(r)
	ctx, cancel := upstream.WithBudget(r.Context())
	defer cancel()
	problem.SetSecurityHeaders(w.Header())
	switch {
	case r.URL.Path == button.Path:
		h.endPage(w, r, record, func() (int, error) { return button.Serve(w, r) })
		return
	case r.URL.Path == button.TypesPath:
		h.endPage(w, r, record, func() (int, error) { return button.ServeTypes(w, r) })
		return
	case r.URL.Path == StatusPath:
		h.serveStatus(ctx, w, r, record)
		return
	case h.asksToConfirm(r):
		h.endPage(w, r, record, func() (int, error) { return http.StatusOK, h.confirm(w, r, record) })
		return
	}
	session, err := h.handle(ctx, r, record)
	if err != nil {
		h.answerProblem(w, r, problemOf(err), record)
		return
	}
	answerSession(w, r, session)
	record.end(statusOf(r), nil)
}

// endPage ends a request that needs no upstream: it logs the page, or answers with the page's
// problem.
func (h *Handler) endPage(w http.ResponseWriter, r *http.Request, record *record,
	answerPage func() (status int, err error)) {
	status, err := answerPage()
	if err != nil {
		problem.SetSecurityHeaders(w.Header()) // remove the headers that the page has set
		h.answerProblem(w, r, problemOf(err), record)
		return
	}
	record.end(status, nil)
}

// Reject answers a request that cannot be served, with the problem of a code.
func (h *Handler) Reject(w http.ResponseWriter, r *http.Request, code problem.Code, cause error) {
	problem.SetSecurityHeaders(w.Header())
	record := h.begin(r)
	h.answerProblem(w, r, &problem.Problem{Code: code, Cause: cause}, record)
}

// handle takes a POST through all steps.
func (h *Handler) handle(ctx context.Context, r *http.Request, record *record) (*billing.Session, error) {
	if r.URL.Path != Path {
		return nil, &problem.Problem{Code: problem.NotFound}
	}
	if r.Method != http.MethodPost {
		return nil, &problem.Problem{Code: problem.MethodNotAllowed, Allow: http.MethodPost}
	}
	in, err := params.Read(r)
	record.locale = in.Locale()
	if err != nil {
		return nil, err
	}
	caller, credential, err := h.authenticate(ctx, r, in.Tokens, record)
	if err != nil {
		return nil, err
	}
	parameters, err := h.Policy.Parameters(in)
	if err != nil {
		return nil, err
	}
	customer, err := h.lookUp(ctx, caller, record)
	if err != nil {
		return nil, err
	}
	parameters.Customer = stripe.String(customer)
	if err := h.resolveSubscription(ctx, parameters, record); err != nil {
		var ambiguous *ambiguity
		if errors.As(err, &ambiguous) && credential.isCookie {
			ambiguous.form = in.Form
			ambiguous.language = language.Match(record.locale, r.Header)
		}
		return nil, err
	}
	session, err := h.createSession(ctx, parameters, record)
	if err == nil {
		record.session(parameters)
	}
	return session, parameterError(err, in)
}

// authenticate verifies the only credential of a request. formTokens are the tokens in its form.
func (h *Handler) authenticate(ctx context.Context, r *http.Request, formTokens []string,
	record *record) (auth.Caller, credential, error) {
	defer record.Time(stepAuth)()
	credential, err := h.credentials.find(r, formTokens)
	if err != nil {
		return auth.Caller{}, credential, err
	}
	caller, err := h.Verifier.Verify(ctx, credential.token)
	record.issuer(caller)
	return caller, credential, err
}

func (h *Handler) lookUp(ctx context.Context, caller auth.Caller, record *record) (string, error) {
	defer record.Time(stepLookup)()
	customer, err := h.Customers.CustomerID(ctx, caller.UserID)
	record.customer(customer)
	return customer, err
}

func (h *Handler) createSession(ctx context.Context, parameters *stripe.BillingPortalSessionParams,
	record *record) (*billing.Session, error) {
	var session *billing.Session
	err := h.withKey(ctx, record, func(key string) (calls billing.Calls, err error) {
		if session, err = h.Sessions.CreateSession(ctx, key, parameters); err == nil {
			calls = session.Calls
		}
		return calls, err
	})
	return session, err
}

// withKey makes a call to Stripe. If Stripe refuses the key, it looks for a new key, and repeats
// the call once if there is one: keys are rotated while requests are running.
func (h *Handler) withKey(ctx context.Context, record *record, call func(key string) (billing.Calls, error)) error {
	key, err := h.key(ctx, record)
	if err != nil {
		return err
	}
	err = timedCall(record, key, call)
	var failure *billing.Error
	if !errors.As(err, &failure) || failure.Class != billing.KeyRefused {
		return err
	}
	renewed, ok, renewErr := h.renewedKey(ctx, key, record)
	if renewErr != nil {
		return renewErr
	}
	if !ok {
		return err
	}
	return timedCall(record, renewed, call)
}

func timedCall(record *record, key secret.Key, call func(key string) (billing.Calls, error)) error {
	defer record.Time(stepStripe)()
	calls, err := call(key.Reveal())
	var failure *billing.Error
	if errors.As(err, &failure) {
		calls = failure.Calls
	}
	record.addCalls(calls)
	return err
}

func (h *Handler) key(ctx context.Context, record *record) (secret.Key, error) {
	defer record.Time(stepSecret)()
	key, err := h.Keys.Get(ctx)
	if err == nil {
		record.secretFetched = h.Keys.Fetched()
	}
	return key, err
}

func (h *Handler) renewedKey(ctx context.Context, refused secret.Key, record *record) (secret.Key, bool, error) {
	defer record.Time(stepSecret)()
	return h.Keys.Renewed(ctx, refused)
}

// routeOf returns the request's route for logs and metrics, from a closed set.
func routeOf(r *http.Request) string {
	switch r.URL.Path {
	case Path, StatusPath, button.Path, button.TypesPath:
		return r.URL.Path
	}
	return "other"
}
