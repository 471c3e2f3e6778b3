package portal

import (
	"maps"
	"net/http"
	"slices"

	"billingportal/functions/internal/language"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/problem"
)

// asksToConfirm reports whether a request is a person who follows a link. No GET creates anything,
// since prefetchers and scanners of links follow GETs; where a cookie brings the credential, a page
// with one button can.
func (h *Handler) asksToConfirm(r *http.Request) bool {
	return r.URL.Path == Path && r.Method == http.MethodGet && h.SessionCookie != "" &&
		problem.Negotiate(r.Header) == problem.Page
}

// labels are the names of flows on a button, "" for the portal itself.
var labels = map[string]language.Key{
	"":                                   language.ManageBilling,
	params.FlowCustomerUpdate:            language.UpdateBillingDetails,
	params.FlowPaymentMethodUpdate:       language.UpdatePaymentMethod,
	params.FlowSubscriptionCancel:        language.CancelSubscription,
	params.FlowSubscriptionUpdate:        language.ChangePlan,
	params.FlowSubscriptionUpdateConfirm: language.ConfirmChange,
}

// confirm answers with a page whose one button posts the parameters of the query string, which are
// checked as a POST's would be. It calls no upstream.
func (h *Handler) confirm(w http.ResponseWriter, r *http.Request, record *record) error {
	in, err := params.ParseForm(r.URL.RawQuery)
	record.locale = in.Locale()
	switch {
	case len(in.Tokens) > 0:
		// addresses are logged, and kept by browsers
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
