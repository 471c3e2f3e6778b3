package stripewire

import (
	"crypto/rand"
	"net/http"
	"slices"
)

// session is a portal session as the API shows it
// (https://docs.stripe.com/api/customer_portal/sessions/object, version 2024-06-20).
type session struct {
	ID            string  `json:"id"`
	Object        string  `json:"object"`
	Configuration string  `json:"configuration"`
	Created       int64   `json:"created"`
	Customer      string  `json:"customer"`
	Flow          *flow   `json:"flow"`
	Livemode      bool    `json:"livemode"`
	Locale        *string `json:"locale"`
	OnBehalfOf    *string `json:"on_behalf_of"`
	ReturnURL     *string `json:"return_url"`
	URL           string  `json:"url"`
}

// createSession answers POST /v1/billing_portal/sessions
// (https://docs.stripe.com/api/customer_portal/sessions/create).
func (s *Stripe) createSession(_ *http.Request, params *node) (any, *apiError) {
	if problem := only(params, "customer", "configuration", "expand", "flow_data", "locale", "on_behalf_of", "return_url"); problem != nil {
		return nil, problem
	}
	if expand := params.at("expand").list(); len(expand) > 0 {
		return nil, notHere("expand", "expanding a portal session's %s", expand[0].value)
	}
	customer := params.text("customer")
	if customer == nil {
		return nil, missingParam("customer")
	}
	if s.data.customer(*customer) == nil {
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
	// Wording not reported.
	if onBehalfOf != nil && !slices.Contains(s.data.Connected, *onBehalfOf) {
		return nil, noSuch("account", *onBehalfOf, "on_behalf_of")
	}
	flow, problem := readFlow(params.at("flow_data"))
	if problem != nil {
		return nil, problem
	}
	if flow != nil {
		if problem := s.data.allows(*customer, configuration, flow); problem != nil {
			return nil, problem
		}
	}

	name := "test_" + rand.Text() + rand.Text()
	created := &session{
		ID:            "bps_1" + rand.Text()[:23],
		Object:        "billing_portal.session",
		Configuration: configuration.ID,
		Created:       s.now().Unix(),
		Customer:      *customer,
		Flow:          flow,
		Locale:        params.text("locale"),
		OnBehalfOf:    onBehalfOf,
		ReturnURL:     returnURL,
		URL:           s.publicURL + "/p/session/" + name,
	}
	s.admit(name, created)
	return created, nil
}

func (s *Stripe) sessionConfiguration(id *string) (*Configuration, *apiError) {
	if id != nil {
		if configuration := s.data.configuration(*id); configuration != nil {
			return configuration, nil
		}
		return nil, noSuch("configuration", *id, "configuration")
	}
	if configuration := s.data.defaultConfiguration(); configuration != nil {
		return configuration, nil
	}
	return nil, refusal("No configuration provided and your test mode default configuration has not been created. " +
		"Provide a configuration or create your default by saving your customer portal settings in test mode at " +
		"https://dashboard.stripe.com/test/settings/billing/portal.")
}
