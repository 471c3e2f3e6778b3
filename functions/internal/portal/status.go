package portal

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/problem"
)

// StatusPath is the path of the billing status.
const StatusPath = "/billing/status"

// The parameter of the query string, and its only value.
const (
	includeName          = "include"
	includeSubscriptions = "subscriptions"
)

// billingStatus describes what the caller can manage.
type billingStatus struct {
	Object   string `json:"object"`
	Account  bool   `json:"account"`
	Livemode bool   `json:"livemode"`

	// Subscriptions and Flows are nil, and so absent, unless the caller includes subscriptions.
	Subscriptions []statusSubscription `json:"subscriptions,omitzero"`
	Flows         []string             `json:"flows,omitzero"`
}

// statusSubscription is a subscription in the status. Times are in Unix seconds; nil means never.
type statusSubscription struct {
	ID               string                    `json:"id"`
	Status           stripe.SubscriptionStatus `json:"status"`
	CancelAt         *int64                    `json:"cancel_at"`
	CurrentPeriodEnd *int64                    `json:"current_period_end"`
	Items            []ChoiceItem              `json:"items"`
}

// serveStatus answers whether the caller has anything to manage. Pages ask on every view to decide
// whether to show a button, so these requests have separate metrics.
func (h *Handler) serveStatus(ctx context.Context, w http.ResponseWriter, r *http.Request, record *record) {
	record.CountByRoute()
	status, err := h.status(ctx, r, record)
	var stale *problem.Problem
	if err != nil {
		p := problemOf(err)
		if !isStaleMapping(p) {
			h.answerProblem(w, r, p, record)
			return
		}
		// The mapping names a customer that Stripe does not know. So the user has no account, and
		// an operator must correct the mapping.
		stale, status.Account = p, false
	}
	header := w.Header()
	header.Set("Cache-Control", "private, max-age=60")
	// The gateway's CORS headers depend on Origin, but the gateway does not set Vary.
	header.Set("Vary", "Origin, Authorization, Cookie")
	body, _ := json.Marshal(status) // strings and numbers always marshal
	if r.Method == http.MethodHead {
		body = nil
	}
	problem.WriteBody(w, http.StatusOK, "application/json", body)
	record.Count("statuses", "account", strconv.FormatBool(status.Account))
	record.end(http.StatusOK, stale)
}

// status reads the caller's status. Without include it reads only the mapping. If the mapping is
// stale, it returns the error together with a status without subscriptions.
func (h *Handler) status(ctx context.Context, r *http.Request, record *record) (billingStatus, error) {
	status := billingStatus{Object: "billing_status", Livemode: h.Livemode}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return status, &problem.Problem{Code: problem.MethodNotAllowed, Allow: "GET, HEAD"}
	}
	in, err := params.ParseForm(r.URL.RawQuery)
	if err != nil {
		return status, err
	}
	caller, _, err := h.authenticate(ctx, r, nil, record)
	if err != nil {
		return status, err
	}
	isDetailed, err := includesSubscriptions(in)
	if err != nil {
		return status, err
	}
	if isDetailed {
		status.Subscriptions, status.Flows = []statusSubscription{}, []string{}
	}
	customer, err := h.lookUp(ctx, caller, record)
	switch {
	case errors.Is(err, customers.ErrNoCustomer):
		return status, nil
	case err != nil:
		return status, err
	}
	status.Account = true
	if !isDetailed {
		return status, nil
	}
	all, err := h.subscriptions(ctx, customer, record)
	if err != nil {
		return status, err
	}
	for i, described := range h.describe(ctx, all, record) {
		status.Subscriptions = append(status.Subscriptions, statusSubscription{
			ID: described.ID, Status: described.Status, Items: described.Items,
			CancelAt: secondsOf(all[i].CancelAt), CurrentPeriodEnd: secondsOf(all[i].CurrentPeriodEnd),
		})
	}
	for _, flow := range h.Policy.AllowedFlows {
		if hasUse(flow, all) {
			status.Flows = append(status.Flows, flow)
		}
	}
	return status, nil
}

// includesSubscriptions checks the query string and reports whether it includes subscriptions.
func includesSubscriptions(in params.Input) (bool, error) {
	if len(in.Tokens) > 0 {
		// URLs are logged, and browsers keep them.
		return false, &problem.Problem{Code: problem.UnknownParameter, Param: "access_token"}
	}
	for _, name := range slices.Sorted(maps.Keys(in.Form)) {
		if name != includeName {
			return false, &problem.Problem{Code: problem.UnknownParameter, Param: params.SafeName(name)}
		}
	}
	if !in.Has(includeName) {
		return false, nil
	}
	if in.Form.Get(includeName) != includeSubscriptions {
		return false, &problem.Problem{Code: problem.InvalidParameter, Param: includeName,
			Detail: "The only accepted value is subscriptions."}
	}
	return true, nil
}

// hasUse reports whether a flow has something to act on: an eligible subscription, or the customer
// if the flow needs no subscription.
func hasUse(flowType string, all []billing.Subscription) bool {
	switch flowType {
	case params.FlowSubscriptionCancel, params.FlowSubscriptionUpdate, params.FlowSubscriptionUpdateConfirm:
		return slices.ContainsFunc(all, func(s billing.Subscription) bool { return ineligibleReason(s, flowType) == 0 })
	}
	return true
}

// secondsOf returns a time in Unix seconds, or nil for zero.
func secondsOf(seconds int64) *int64 {
	if seconds == 0 {
		return nil
	}
	return &seconds
}
