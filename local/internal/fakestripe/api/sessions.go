package api

import (
	"crypto/rand"
	"net/http"
	"slices"

	"billingportal/local/internal/fakestripe/account"
)

// createSession handles POST /v1/billing_portal/sessions
// (https://docs.stripe.com/api/customer_portal/sessions/create).
func (s *API) createSession(r *http.Request, params *node) (any, *apiError) {
	if expand := params.at("expand").list(); len(expand) > 0 {
		return nil, notHere("expand", "expanding a portal session's %s", expand[0].value)
	}
	flowType := params.at("flow_data").or("", "type")
	if problem := checkFlowType(flowType, r.Header.Get("Stripe-Version")); problem != nil {
		return nil, problem
	}
	customer := params.text("customer")
	if customer == nil {
		return nil, missingParam("customer")
	}
	if s.account.Data.Customer(*customer) == nil {
		return nil, noSuch("customer", *customer, "customer")
	}
	configuration, problem := s.sessionConfiguration(params.text("configuration"))
	if problem != nil {
		return nil, problem
	}
	returnURL := params.text("return_url")
	if returnURL != nil {
		if problem := checkURL(*returnURL, "return_url"); problem != nil {
			return nil, problem
		}
	}
	onBehalfOf := params.text("on_behalf_of")
	// The message is not reported.
	if onBehalfOf != nil && !slices.Contains(s.account.Data.Connected, *onBehalfOf) {
		return nil, noSuch("account", *onBehalfOf, "on_behalf_of")
	}
	flow, problem := readFlow(params.at("flow_data"))
	if problem != nil {
		return nil, problem
	}
	if flow != nil {
		if problem := (rules{&s.account.Data}).allows(*customer, configuration, flow); problem != nil {
			return nil, problem
		}
	}

	name := "test_" + rand.Text() + rand.Text()
	created := &account.Session{
		ID:            "bps_1" + rand.Text()[:23],
		Object:        "billing_portal.session",
		Configuration: configuration.ID,
		Created:       s.account.Now().Unix(),
		Customer:      *customer,
		Flow:          flow,
		Locale:        params.text("locale"),
		OnBehalfOf:    onBehalfOf,
		ReturnURL:     returnURL,
		URL:           s.config.PublicURL + "/p/session/" + name,
	}
	s.account.AddSession(name, created)
	return created, nil
}

func (s *API) sessionConfiguration(id *string) (*account.Configuration, *apiError) {
	if id != nil {
		if configuration := s.account.Data.Configuration(*id); configuration != nil {
			return configuration, nil
		}
		return nil, noSuch("configuration", *id, "configuration")
	}
	if configuration := s.account.Data.DefaultConfiguration(); configuration != nil {
		return configuration, nil
	}
	return nil, refusal("No configuration provided and your test mode default configuration has not been created. " +
		"Provide a configuration or create your default by saving your customer portal settings in test mode at " +
		"https://dashboard.stripe.com/test/settings/billing/portal.")
}
