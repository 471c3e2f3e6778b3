package demo

import (
	"html"
	"html/template"
	"regexp"
)

// action is a button: a form with its fields.
type action struct {
	ID           string // of the form in the page
	Flow         string // "" for the portal's home page
	Subscription string
	Label, Note  string
	Quiet        bool // drawn as a secondary button
	Fields       []field
	Attributes   []template.HTMLAttr // of the element around the form
}

type field struct{ Name, Value string }

// attributes are the element's names for the fields of a form. A $ stands for the type of the flow.
var attributes = map[string]string{
	"flow_data[type]":                                                  "flow",
	"flow_data[$][subscription]":                                       "subscription",
	"flow_data[$][items][0][price]":                                    "price",
	"flow_data[$][discounts][0][promotion_code]":                       "promotion-code",
	"flow_data[$][retention][coupon_offer][coupon]":                    "retention-coupon",
	"flow_data[after_completion][redirect][return_url]":                "after",
	"flow_data[after_completion][hosted_confirmation][custom_message]": "confirmation-message",
	"locale": "locale", "configuration": "configuration", "on_behalf_of": "on-behalf-of",
}

var flowBlock = regexp.MustCompile(`^flow_data\[subscription_\w+\]`)

func attributesOf(fields []field) []template.HTMLAttr {
	var all []template.HTMLAttr
	for _, f := range fields {
		name, value := attributes[flowBlock.ReplaceAllLiteralString(f.Name, "flow_data[$]")], f.Value
		if f.Name == "flow_data[after_completion][type]" && value == "portal_homepage" {
			name, value = "after", "portal"
		}
		if name != "" {
			all = append(all, template.HTMLAttr(name+`="`+html.EscapeString(value)+`"`)) //nolint:gosec // it is escaped
		}
	}
	return all
}

// general returns the actions that name no subscription: the portal function finds the subscription
// of a flow.
func (c Choices) general() []action {
	actions := []action{
		{ID: "portal", Label: "Manage billing", Note: "Opens the home page."},
		{
			ID: "payment-method", Flow: "payment_method_update", Quiet: true,
			Label: "Update payment method", Note: "Opens the card page.",
			Fields: []field{{"flow_data[type]", "payment_method_update"}},
		},
		{
			ID: "any-update", Flow: "subscription_update", Quiet: true,
			Label: "Change plan", Note: "Opens the list of plans.",
			Fields: []field{{"flow_data[type]", "subscription_update"}},
		},
		{
			ID: "any-cancel", Flow: "subscription_cancel", Quiet: true,
			Label: "Cancel subscription", Note: "Opens the cancellation page.",
			Fields: []field{{"flow_data[type]", "subscription_cancel"}},
		},
	}
	if c.Price != "" {
		actions = append(actions, action{
			ID: "any-confirm", Flow: "subscription_update_confirm", Quiet: true,
			Label: "Upgrade to " + c.Plan, Note: "Opens the confirmation page.",
			Fields: []field{
				{"flow_data[type]", "subscription_update_confirm"},
				{"flow_data[subscription_update_confirm][items][0][price]", c.Price},
			},
		})
	}
	return actions
}

// forSubscription returns the flows of a subscription. The suffix keeps the forms' IDs unique if
// there are several subscriptions.
func (c Choices) forSubscription(s Subscription, suffix string) []action {
	flow := func(id, kind, label, note string, more ...field) action {
		fields := []field{{"flow_data[type]", kind}, {"flow_data[" + kind + "][subscription]", s.ID}}
		return action{
			ID: id + suffix, Flow: kind, Subscription: s.ID, Label: label, Note: note, Quiet: true,
			Fields: append(fields, more...),
		}
	}
	const confirm, cancel = "flow_data[subscription_update_confirm]", "flow_data[subscription_cancel]"
	item := []field{{confirm + "[items][0][id]", s.Item}, {confirm + "[items][0][price]", c.Price}}
	return []action{
		flow("update", "subscription_update", "Change plan", "Opens the list of plans."),
		flow("confirm", "subscription_update_confirm", "Upgrade to "+c.Plan, "Opens the confirmation page.", item...),
		flow("confirm-promotion", "subscription_update_confirm", "Upgrade to "+c.Plan+" with a discount",
			"Applies a promotion code.",
			append(item, field{confirm + "[discounts][0][promotion_code]", c.PromotionCode})...),
		flow("cancel", "subscription_cancel", "Cancel subscription", "Opens the cancellation page."),
		flow("cancel-offer", "subscription_cancel", "Cancel with an offer to stay",
			"Offers the coupon "+c.Coupon+".",
			field{cancel + "[retention][type]", "coupon_offer"},
			field{cancel + "[retention][coupon_offer][coupon]", c.Coupon}),
	}
}
