// Package webhook keeps the mapping of users to customers correct. It takes Stripe's events, over
// HTTP (POST /stripe/webhook) and from an EventBridge event bus, and updates the table through
// package customers.
//
// Each event takes these steps: its signature is verified over the raw body, its facts are read
// ([Rules]), and the facts are merged into the table. After any status other than 2xx, Stripe sends
// the event again, for three days in live mode. Merging facts twice changes nothing.
package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/language"
	"billingportal/functions/internal/problem"
	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// Path is the handler's only path. Any other path is a not-found.
const Path = "/stripe/webhook"

// MaxBodySize is the length of the longest event in bytes. Package lambdahttp enforces it before it
// decodes a body.
const MaxBodySize = 256 << 10

// Mapping applies changes to the table. Its errors are those of package customers.
type Mapping interface {
	Apply(ctx context.Context, change customers.Change) (customers.Outcome, error)
}

// SecretSource returns the signing secrets. Renewed returns the secrets that replaced refused, and
// whether there are any. Its errors are those of package secret.
type SecretSource interface {
	Get(ctx context.Context) (secret.SigningSecrets, error)
	Renewed(ctx context.Context, refused secret.SigningSecrets) (secret.SigningSecrets, bool, error)
}

// Config describes a handler.
type Config struct {
	// Secrets returns the secrets that sign Stripe's requests. It is nil if events come only from
	// an event bus; every request is then a 404.
	Secrets SecretSource
	// Fetched returns the time at which the signing secrets were fetched, or zero. It is nil if
	// Secrets is nil.
	Fetched func() time.Time
	Mapping Mapping
	Rules   Rules
	// Source is the only source on the event bus whose events are taken. "" means that no events
	// are taken from a bus.
	Source string
	// Log gets a line for each event.
	Log *requestlog.RequestLog
	// RequestID returns the ID of the request that a context belongs to.
	RequestID func(ctx context.Context) string
	// Now returns the time; nil means time.Now.
	Now func() time.Time
}

// Handler takes Stripe's events. As an http.Handler, it takes them directly from Stripe.
type Handler struct{ Config }

// New returns a handler.
func New(config Config) *Handler {
	return &Handler{config}
}

// The names of the times and ages in the log line.
const (
	stepSecret = "secret_ms"
	stepTable  = "table_ms"
	eventAge   = "event_age_ms"
	secretAge  = "secret_age_ms"
)

// ServeHTTP answers a request and logs one line about it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	record := h.begin(r)
	ctx, cancel := upstream.WithBudget(r.Context())
	defer cancel()
	err := h.handle(ctx, r, record)
	problem.SetSecurityHeaders(w.Header())
	if err != nil {
		h.answerProblem(w, r, problemOf(err), record)
		return
	}
	problem.WriteBody(w, http.StatusOK, "application/json", []byte(`{"received":true}`))
	record.end(http.StatusOK, nil)
}

// Reject answers a request that package lambdahttp refused, or whose handler panicked.
func (h *Handler) Reject(w http.ResponseWriter, r *http.Request, code problem.Code, cause error) {
	problem.SetSecurityHeaders(w.Header())
	h.answerProblem(w, r, &problem.Problem{Code: code, Cause: cause}, h.begin(r))
}

// handle verifies a request and takes its event.
func (h *Handler) handle(ctx context.Context, r *http.Request, record *record) error {
	switch {
	case r.URL.Path != Path:
		return &problem.Problem{Code: problem.NotFound}
	case h.Secrets == nil:
		return &problem.Problem{Code: problem.NotFound, Cause: errNoSecrets}
	}
	if r.Method != http.MethodPost {
		return &problem.Problem{Code: problem.MethodNotAllowed, Allow: http.MethodPost}
	}
	body, err := problem.ReadBody(r)
	if err != nil {
		return err
	}
	if err := h.verify(ctx, strings.Join(r.Header.Values("Stripe-Signature"), ","), body, record); err != nil {
		return err
	}
	return h.take(ctx, body, record)
}

// verify checks that Stripe signed the body within the tolerance. If no signature matches, the
// secrets may have been rolled, so it fetches them again, at most once in ten seconds.
func (h *Handler) verify(ctx context.Context, header string, body []byte, record *record) error {
	signed, err := parseSignature(header)
	if err != nil {
		return err
	}
	if !signed.isTimely(upstream.WallClock(h.Now)) {
		return errSignatureTime
	}
	defer record.Time(stepSecret)()
	secrets, err := h.Secrets.Get(ctx)
	if err != nil {
		return err
	}
	record.fetched = h.Fetched
	if signed.isBy(secrets.Reveal(), body) {
		return nil
	}
	renewed, areOther, err := h.Secrets.Renewed(ctx, secrets)
	if err != nil {
		return err
	}
	if !areOther || !signed.isBy(renewed.Reveal(), body) {
		return errSignature
	}
	return nil
}

// take reads a verified event and applies its facts to the table.
func (h *Handler) take(ctx context.Context, body []byte, record *record) error {
	now := upstream.WallClock(h.Now)
	event, err := h.Rules.read(body, now)
	record.event(event, now)
	if err != nil {
		return err
	}
	if event.isIgnored() {
		record.effect("ignored")
		if event.warning != "" {
			record.Warn(event.warning.Error())
		}
		return nil
	}
	defer record.Time(stepTable)()
	outcome, err := h.Mapping.Apply(ctx, event.change)
	record.Set(slog.Int("attempts", outcome.Calls))
	if err != nil {
		return err
	}
	record.outcome(outcome)
	return nil
}

func (h *Handler) answerProblem(w http.ResponseWriter, r *http.Request, p *problem.Problem, record *record) {
	p.Write(w, problem.Negotiate(r.Header),
		problem.Reader{Language: language.English, AppURL: "/", RequestID: record.RequestID()})
	record.end(p.Status(), p)
}

// routeOf returns the request's route for logs and metrics, from a closed set.
func routeOf(r *http.Request) string {
	if r.URL.Path == Path {
		return Path
	}
	return "other"
}
