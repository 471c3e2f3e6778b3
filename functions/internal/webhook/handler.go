// Package webhook keeps the mapping of users to customers true: it takes Stripe's events, over HTTP
// (POST /stripe/webhook) and from an EventBridge event bus, and has package customers join what
// they say into the table.
//
// An event goes one way: its signature is verified over the bytes that came, it is read into facts
// ([Rules]), and the facts are joined. After any other status than 2xx Stripe sends the event
// again, for three days in live mode; joining twice changes nothing.
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

// Path is the only path that the handler answers with anything but not-found.
const Path = "/stripe/webhook"

// MaxBodySize is the length of the longest event in bytes. Package lambdahttp enforces it, before
// it decodes a body.
const MaxBodySize = 256 << 10

// Mapping takes changes into the table. Its errors are those of package customers.
type Mapping interface {
	Apply(ctx context.Context, change customers.Change) (customers.Outcome, error)
}

// SecretSource has the signing secrets. Renewed returns those that took the place of ones that did
// not sign an event, if there are any. Its errors are those of package secret.
type SecretSource interface {
	Get(ctx context.Context) (secret.SigningSecrets, error)
	Renewed(ctx context.Context, refused secret.SigningSecrets) (secret.SigningSecrets, bool, error)
}

// Config is what a handler is made of.
type Config struct {
	// Secrets sign Stripe's requests; nil if events come from an event bus alone, and then every
	// request is a 404.
	Secrets SecretSource
	// Fetched says when the signing secrets were fetched, zero where they were not; nil where there
	// are none.
	Fetched func() time.Time
	Mapping Mapping
	Rules   Rules
	// Source is the one source on the event bus whose events are taken; "" takes none.
	Source string
	// Log takes the line of each event.
	Log *requestlog.RequestLog
	// RequestID returns the ID of the request that a context belongs to.
	RequestID func(ctx context.Context) string
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// Handler takes Stripe's events. As an http.Handler it takes them from Stripe itself.
type Handler struct{ Config }

// New returns a handler.
func New(config Config) *Handler {
	return &Handler{config}
}

// The steps of an event that are timed.
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

// Reject answers a request that never became one, with the problem of a code.
func (h *Handler) Reject(w http.ResponseWriter, r *http.Request, code problem.Code, cause error) {
	problem.SetSecurityHeaders(w.Header())
	h.answerProblem(w, r, &problem.Problem{Code: code, Cause: cause}, h.begin(r))
}

// handle takes a request through all its steps.
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

// verify checks that Stripe signed the body about now. Where it did not, the secrets may have been
// rolled: they are fetched again, at most once in ten seconds.
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

// take reads an event that is Stripe's, and joins what it says into the table.
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

// routeOf names the request's route in logs and metrics, from a closed set.
func routeOf(r *http.Request) string {
	if r.URL.Path == Path {
		return Path
	}
	return "other"
}
