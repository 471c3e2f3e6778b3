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

// record is the log line of an event. It has the IDs of customers, but not of users, because a
// user's ID may be an e-mail address.
type record struct {
	*requestlog.Record
	isConflict bool
	// fetched returns the time of the signing secrets. It is nil if the event did not use them:
	// they may then be old, because they were not refreshed either.
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

// effect records the effect of the event and counts it.
func (r *record) effect(effect string) { r.Count("events", "effect", effect) }

func (r *record) outcome(outcome customers.Outcome) {
	r.effect(string(outcome.Effect))
	if outcome.Effect == customers.Conflict {
		r.isConflict = true
		r.Set(slog.Any("customer_ids", outcome.Counting))
		r.Set(slog.String("error", "a user has several customers, and one of them is probably a mistake"))
	}
}

// failure counts the AWS service that caused a failure.
func (r *record) failure(status int, p *problem.Problem) {
	var aws *upstream.Error
	if status >= http.StatusInternalServerError && errors.As(p.Cause, &aws) {
		r.Count("upstream_failures", "upstream", string(aws.Service))
	}
}

// end writes the line. p is nil if the event was taken.
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
