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

// The steps of a request that are timed.
const (
	stepAuth   = "auth_ms"
	stepLookup = "lookup_ms"
	stepSecret = "secret_ms"
	stepStripe = "stripe_ms"
)

// home is the flow of a session that has none: the portal's home page.
const home = "home"

// record is the line of a request, with what its calls of Stripe have in common.
type record struct {
	*requestlog.Record
	calls  billing.Calls
	locale string // that the caller asks for; "" for none

	// When the issuer's keys and the Stripe key were fetched; zero if this request did not use
	// them. Unused ones are not renewed, so their age must not trip an alarm.
	keysFetched, secretFetched time.Time
}

// begin starts the line of a request.
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

// session counts a session by its flow. Its type is one of Stripe's by now.
func (r *record) session(params *stripe.BillingPortalSessionParams) {
	flow := home
	if params.FlowData != nil && params.FlowData.Type != nil {
		flow = *params.FlowData.Type
	}
	r.Count("sessions", "flow", flow)
}

// note keeps an error that did not decide the answer.
func (r *record) note(err error) {
	if err != nil {
		r.Set(slog.String("note", err.Error()))
	}
}

// end writes the line. problem is nil for a session.
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
	// An operator has something to do where the service fails, and where the mapping
	// names a customer that Stripe does not know.
	r.End(status, string(p.Code), status >= http.StatusInternalServerError || isStaleMapping(p))
}

// upstreamOf names who is to blame for an error; "" where it is none of those that are called.
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
		return aws.Service
	case errors.As(err, &stripe):
		return "stripe"
	}
	return ""
}

// refusal tells of a problem what only an operator may know.
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
