package webhook

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/problem"
	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/upstream"
)

// record is the line of an event. Of users and customers it has IDs of customers alone: a user's ID
// may be an address.
type record struct {
	*requestlog.Record
	isConflict bool
	// the signing secrets; nil if the event did not use them, because then they were not renewed
	// either
	fetched func() time.Time
}

func (h *Handler) begin(r *http.Request) *record {
	return &record{Record: h.Log.Begin(h.RequestID(r.Context()), routeOf(r))}
}

func (r *record) event(e event, now time.Time) {
	for _, member := range []struct{ name, value string }{
		{"event_id", e.id},
		{"event_type", e.kind},
		{"customer_id", e.customer},
	} {
		if member.value != "" {
			r.Set(slog.String(member.name, member.value))
		}
	}
	if !e.created.IsZero() {
		r.Add(eventAge, max(now.Sub(e.created), 0))
	}
}

// effect says what the event did, and counts it.
func (r *record) effect(effect string) { r.Count("events", "effect", effect) }

func (r *record) outcome(outcome customers.Outcome) {
	r.effect(string(outcome.Effect))
	if outcome.Effect == customers.Conflict {
		r.isConflict = true
		r.Set(slog.Any("customer_ids", outcome.Counting))
		r.Set(slog.String("error", "a user has several customers: one of them is likely to be a mistake"))
	}
}

// failure counts the service that an event could not be taken for.
func (r *record) failure(status int, p *problem.Problem) {
	var aws *upstream.Error
	if status >= http.StatusInternalServerError && errors.As(p.Cause, &aws) {
		r.Count("upstream_failures", "upstream", aws.Service)
	}
}

// end writes the line. problem is nil for an event that was taken.
func (r *record) end(status int, p *problem.Problem) {
	code := "ok"
	if p != nil {
		code = string(p.Code)
		r.Set(slog.String("error", p.Error()))
		r.failure(status, p)
	}
	if r.fetched != nil {
		r.Age(secretAge, r.fetched())
	}
	r.End(status, code, status >= http.StatusInternalServerError || r.isConflict)
}
