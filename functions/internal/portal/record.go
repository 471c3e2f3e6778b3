package portal

import (
	"errors"
	"log/slog"
	"net/http"

	"billingportal/functions/internal/answer"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/requestlog"
)

// The steps of a request that are timed.
const (
	stepAuth   = "auth_ms"
	stepLookup = "lookup_ms"
	stepSecret = "secret_ms"
	stepStripe = "stripe_ms"
)

// record is the line of a request, with what its calls of Stripe have in common.
type record struct {
	*requestlog.Record
	calls  billing.Calls
	locale string // that the caller asks for; "" for none
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

func (r *record) customer(id string) {
	if id != "" {
		r.Set(slog.String("customer_id", id))
	}
}

// note keeps an error that did not decide the answer.
func (r *record) note(err error) {
	if err != nil {
		r.Set(slog.String("note", err.Error()))
	}
}

// end writes the line. problem is nil for a session.
func (r *record) end(status int, problem *answer.Problem) {
	r.Set(slog.Int("attempts", r.calls.Attempts))
	if r.calls.RequestID != "" {
		r.Set(slog.String("stripe_request_id", r.calls.RequestID))
	}
	if problem == nil {
		r.End(status, "ok", false)
		return
	}
	r.refusal(problem)
	// An operator has something to do where the service fails, and where the mapping
	// names a customer that Stripe does not know.
	r.End(status, problem.Code, status >= http.StatusInternalServerError || isStaleMapping(problem))
}

// refusal tells of a problem what only an operator may know.
func (r *record) refusal(problem *answer.Problem) {
	r.Set(slog.String("error", problem.Error()))
	if problem.Param != "" {
		r.Set(slog.String("param", problem.Param))
	}
	var stripe *billing.Error
	if !errors.As(problem.Cause, &stripe) {
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
