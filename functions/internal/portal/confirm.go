package portal

import (
	"maps"
	"net/http"
	"slices"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/language"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/problem"
)

// asksToConfirm reports whether a request comes from a person who follows a link. No GET creates
// anything, because prefetchers and link scanners follow GETs. A page with one button can create a
// session, if a cookie carries the credential.
func (h *Handler) asksToConfirm(r *http.Request) bool {
	return r.URL.Path == Path && r.Method == http.MethodGet && h.SessionCookie != "" &&
		problem.Negotiate(r.Header) == problem.Page
}

// labels are the texts of the button by flow; "" means the portal itself.
var labels = map[string]language.Key{
	"":                                   language.ManageBilling,
	billing.CustomerUpdate:               language.UpdateBillingDetails,
	params.FlowPaymentMethodUpdate:       language.UpdatePaymentMethod,
	params.FlowSubscriptionCancel:        language.CancelSubscription,
	params.FlowSubscriptionUpdate:        language.ChangePlan,
	params.FlowSubscriptionUpdateConfirm: language.ConfirmChange,
}

// confirm answers with a page whose only button posts the parameters of the query string. It checks
// the parameters as a POST does, and calls no upstream.
func (h *Handler) confirm(w http.ResponseWriter, r *http.Request, record *record) error {
	in, err := params.ParseForm(r.URL.RawQuery)
	record.locale = in.Locale()
	switch {
	case len(in.Tokens) > 0:
		// URLs are logged, and browsers keep them.
		return &problem.Problem{Code: problem.UnknownParameter, Param: "access_token"}
	case err != nil:
		return err
	}
	if _, err := h.Policy.Parameters(in); err != nil {
		return err
	}
	var fields []problem.Field
	for _, name := range slices.Sorted(maps.Keys(in.Form)) {
		fields = append(fields, problem.Field{Name: name, Value: in.Form.Get(name)})
	}
	problem.WriteConfirmation(w, labels[in.Flow()], fields, h.reader(r, record))
	return nil
}
