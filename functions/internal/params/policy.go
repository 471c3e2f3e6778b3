package params

import (
	"slices"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/problem"
)

// The flows of the customer portal, without [billing.CustomerUpdate], which stripe-go does not
// have.
const (
	FlowPaymentMethodUpdate       = string(stripe.BillingPortalSessionFlowTypePaymentMethodUpdate)
	FlowSubscriptionCancel        = string(stripe.BillingPortalSessionFlowTypeSubscriptionCancel)
	FlowSubscriptionUpdate        = string(stripe.BillingPortalSessionFlowTypeSubscriptionUpdate)
	FlowSubscriptionUpdateConfirm = string(stripe.BillingPortalSessionFlowTypeSubscriptionUpdateConfirm)
)

// Flows returns all types of flow.
func Flows() []string { return append(DefaultFlows(), billing.CustomerUpdate) }

// DefaultFlows returns the types of flow that callers may request unless the operator lists others.
func DefaultFlows() []string {
	return []string{FlowPaymentMethodUpdate, FlowSubscriptionCancel, FlowSubscriptionUpdate,
		FlowSubscriptionUpdateConfirm}
}

// Policy lists the values that callers may choose. The holder of a token must not be able to give
// themselves money or another configuration, so unlisted values are denied.
type Policy struct {
	AllowedOrigins        []Origin // origins that the portal may link back to
	DefaultReturnURL      string
	AllowedConfigurations []string
	DefaultConfiguration  string // "" means Stripe's default
	AllowedAccounts       []string
	DefaultOnBehalfOf     string // "" means none
	AllowedFlows          []string
	AllowedCoupons        []string
	AllowedPromotionCodes []string
}

// Parameters returns the caller's input as Stripe's parameters, checked and with the operator's
// defaults, but without the customer. Its errors are [*problem.Problem].
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
		params.Locale = nil // Stripe treats blank as absent
	} else if !slices.Contains(locales, locale) {
		return invalid("locale", "The parameter must be one of Stripe's locales.")
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

// choose returns the caller's value if it is listed. If the caller sent none, it returns the
// operator's default.
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

// locales are the values that Stripe accepts for locale.
//
// https://docs.stripe.com/api/customer_portal/sessions/create#create_portal_session-locale
var locales = []string{
	"auto", "bg", "cs", "da", "de", "el", "en", "en-AU", "en-CA", "en-GB", "en-IE", "en-IN", "en-NZ", "en-SG",
	"es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt",
	"nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
}
