package portal

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/problem"
	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/upstream"
)

// The timed steps of a request.
const (
	stepAuth   = "auth_ms"
	stepLookup = "lookup_ms"
	stepSecret = "secret_ms"
	stepStripe = "stripe_ms"
)

// home is the metric's flow for a session without a flow, which shows the portal's home page.
const home = "home"

// A record is the log line of a request, with the calls to Stripe that it needed.
type record struct {
	*requestlog.Record
	calls  billing.Calls
	locale string // requested by the caller; "" means none

	// When the issuer's keys and the Stripe key were fetched; zero if this request did not use
	// them. Unused keys are not renewed, so their age must not trigger an alarm.
	keysFetched, secretFetched time.Time
}

// begin starts the log line of a request.
func (h *Handler) begin(r *http.Request) *record {
	return &record{Record: h.Log.Begin(h.RequestID(r.Context()), routeOf(r))}
}

func (r *record) addCalls(calls billing.Calls) {
	r.calls.Attempts += calls.Attempts
	if calls.RequestID != "" {
		r.calls.RequestID = calls.RequestID
	}
}

// issuer logs the number of the alias that issued the token, even if the token is refused. It never
// logs the name.
func (r *record) issuer(caller auth.Caller) {
	r.keysFetched = caller.KeysFetched
	if caller.Alias > 0 {
		r.Set(slog.Int("issuer_alias", caller.Alias))
	}
}

func (r *record) customer(id string) {
	if id != "" {
		r.Set(slog.String("customer_id", id))
	}
}

// session counts a session by its flow. The flow is one of Stripe's, because the parameters are
// checked.
func (r *record) session(params *stripe.BillingPortalSessionParams) {
	flow := home
	if params.FlowData != nil && params.FlowData.Type != nil {
		flow = *params.FlowData.Type
	}
	r.Count("sessions", "flow", flow)
}

// note logs an error that did not decide the answer.
func (r *record) note(err error) {
	if err != nil {
		r.Set(slog.String("note", err.Error()))
	}
}

// end writes the line. p is nil if the request succeeded.
func (r *record) end(status int, p *problem.Problem) {
	r.Set(slog.Int("attempts", r.calls.Attempts))
	if r.calls.RequestID != "" {
		r.Set(slog.String("stripe_request_id", r.calls.RequestID))
	}
	r.Age("keys_age_ms", r.keysFetched)
	r.Age("secret_age_ms", r.secretFetched)
	if p == nil {
		r.End(status, "ok", false)
		return
	}
	if upstream := upstreamOf(p.Cause); upstream != "" && status >= http.StatusInternalServerError {
		r.Count("upstream_failures", "upstream", upstream)
	}
	r.refusal(p)
	// The line has the level of an error if an operator must act: if the service fails, or if the
	// mapping names a customer that Stripe does not know.
	r.End(status, string(p.Code), status >= http.StatusInternalServerError || isStaleMapping(p))
}

// upstreamOf returns the upstream that caused an error, or "" if no upstream did.
func upstreamOf(err error) string {
	var (
		keys   *auth.KeysUnavailableError
		aws    *upstream.Error
		stripe *billing.Error
	)
	switch {
	case errors.As(err, &keys):
		return "issuer"
	case errors.As(err, &aws):
		return string(aws.Service)
	case errors.As(err, &stripe):
		return "stripe"
	}
	return ""
}

// refusal logs the details of a problem that only an operator may see.
func (r *record) refusal(p *problem.Problem) {
	r.Set(slog.String("error", p.Error()))
	if p.Param != "" {
		r.Set(slog.String("param", p.Param))
	}
	var stripe *billing.Error
	if !errors.As(p.Cause, &stripe) {
		return
	}
	for _, member := range []struct{ name, value string }{
		{"stripe_type", string(stripe.Type)},
		{"stripe_code", string(stripe.Code)},
		{"stripe_param", stripe.Param},
	} {
		if member.value != "" {
			r.Set(slog.String(member.name, member.value))
		}
	}
}
