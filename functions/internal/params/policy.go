package params

import (
	"slices"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/problem"
)

// The flows of Stripe's portal.
const (
	FlowCustomerUpdate            = billing.CustomerUpdate
	FlowPaymentMethodUpdate       = string(stripe.BillingPortalSessionFlowTypePaymentMethodUpdate)
	FlowSubscriptionCancel        = string(stripe.BillingPortalSessionFlowTypeSubscriptionCancel)
	FlowSubscriptionUpdate        = string(stripe.BillingPortalSessionFlowTypeSubscriptionUpdate)
	FlowSubscriptionUpdateConfirm = string(stripe.BillingPortalSessionFlowTypeSubscriptionUpdateConfirm)
)

// Flows are the types of flow that exist.
func Flows() []string { return append(DefaultFlows(), FlowCustomerUpdate) }

// DefaultFlows are the types of flow that callers may ask for unless the operator lists others.
func DefaultFlows() []string {
	return []string{FlowPaymentMethodUpdate, FlowSubscriptionCancel, FlowSubscriptionUpdate,
		FlowSubscriptionUpdateConfirm}
}

// Policy says what callers may choose. Whoever holds a token must not be able to
// give themselves money or another configuration: what is not listed is denied.
type Policy struct {
	AllowedOrigins        []Origin // where the portal may lead back to
	DefaultReturnURL      string
	AllowedConfigurations []string
	DefaultConfiguration  string // "": Stripe's default
	AllowedAccounts       []string
	DefaultOnBehalfOf     string // "": none
	AllowedFlows          []string
	AllowedCoupons        []string
	AllowedPromotionCodes []string
}

// Parameters returns what a caller sent as Stripe's parameters, checked and with the
// operator's defaults, but without the customer. Its errors are [*problem.Problem].
func (p *Policy) Parameters(in Input) (*stripe.BillingPortalSessionParams, error) {
	params, err := decode(in.tree)
	if err != nil {
		return nil, err
	}
	if err := p.apply(params); err != nil {
		return nil, err
	}
	return params, nil
}

func (p *Policy) apply(params *stripe.BillingPortalSessionParams) error {
	if err := p.applyReturnURL(params); err != nil {
		return err
	}
	var err error
	if params.Configuration, err = choose("configuration", params.Configuration, p.AllowedConfigurations,
		p.DefaultConfiguration); err != nil {
		return err
	}
	if params.OnBehalfOf, err = choose("on_behalf_of", params.OnBehalfOf, p.AllowedAccounts,
		p.DefaultOnBehalfOf); err != nil {
		return err
	}
	if locale := stripe.StringValue(params.Locale); locale == "" {
		params.Locale = nil // to Stripe, blank is the same as absent
	} else if !slices.Contains(locales, locale) {
		return invalid("locale", "The parameter is none of Stripe's locales.")
	}
	if params.FlowData != nil {
		return p.checkFlow(params.FlowData)
	}
	return nil
}

func (p *Policy) applyReturnURL(params *stripe.BillingPortalSessionParams) error {
	if params.ReturnURL == nil {
		params.ReturnURL = stripe.String(p.DefaultReturnURL)
		return nil
	}
	if !p.isReturnURL(*params.ReturnURL) {
		return &problem.Problem{Code: problem.InvalidReturnURL, Param: "return_url"}
	}
	return nil
}

// choose returns the caller's value if it is listed, and the operator's where
// the caller has none.
func choose(param string, value *string, allowed []string, fallback string) (*string, error) {
	if value != nil {
		return value, requireListed(param, *value, allowed)
	}
	if fallback != "" {
		return stripe.String(fallback), nil
	}
	return nil, nil
}

func requireListed(param, value string, allowed []string) error {
	if !slices.Contains(allowed, value) {
		return &problem.Problem{Code: problem.ParameterNotAllowed, Param: param}
	}
	return nil
}

// locales are the values that Stripe has for locale.
//
// https://docs.stripe.com/api/customer_portal/sessions/create#create_portal_session-locale
var locales = []string{
	"auto", "bg", "cs", "da", "de", "el", "en", "en-AU", "en-CA", "en-GB", "en-IE", "en-IN", "en-NZ", "en-SG",
	"es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt",
	"nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
}
