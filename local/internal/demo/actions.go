package demo

import (
	"html"
	"html/template"
)

// action is a button: a form with what it sends.
type action struct {
	ID           string // of the form in the page
	Flow         string // "" for the portal's home page
	Subscription string
	Label, Note  string
	Quiet        bool // drawn as the lesser choice
	Fields       []field
	Attributes   []template.HTMLAttr // of the element around the form
}

type field struct{ Name, Value string }

// attributes are the element's names for what a form's fields say.
var attributes = map[string]string{
	"flow_data[type]": "flow",
	"flow_data[subscription_update_confirm][items][0][price]":          "price",
	"flow_data[after_completion][redirect][return_url]":                "after",
	"flow_data[after_completion][hosted_confirmation][custom_message]": "confirmation-message",
	"locale": "locale", "configuration": "configuration", "on_behalf_of": "on-behalf-of",
}

func attributesOf(fields []field) []template.HTMLAttr {
	var all []template.HTMLAttr
	for _, f := range fields {
		name, value := attributes[f.Name], f.Value
		if f.Name == "flow_data[after_completion][type]" && value == "portal_homepage" {
			name, value = "after", "portal"
		}
		if name != "" {
			all = append(all, template.HTMLAttr(name+`="`+html.EscapeString(value)+`"`)) //nolint:gosec // it is escaped
		}
	}
	return all
}

// general are the actions that name no subscription: the portal function finds the one that a flow
// is about.
func (c Choices) general() []action {
	actions := []action{
		{ID: "portal", Label: "Manage billing", Note: "Opens the portal’s home page."},
		{
			ID: "payment-method", Flow: "payment_method_update", Quiet: true,
			Label: "Update card", Note: "Goes straight to adding a card.",
			Fields: []field{{"flow_data[type]", "payment_method_update"}},
		},
		{
			ID: "any-update", Flow: "subscription_update", Quiet: true,
			Label: "Change plan", Note: "Lets the customer choose.",
			Fields: []field{{"flow_data[type]", "subscription_update"}},
		},
		{
			ID: "any-cancel", Flow: "subscription_cancel", Quiet: true,
			Label: "Cancel plan", Note: "Goes straight to cancelling.",
			Fields: []field{{"flow_data[type]", "subscription_cancel"}},
		},
	}
	if c.Price != "" {
		actions = append(actions, action{
			ID: "any-confirm", Flow: "subscription_update_confirm", Quiet: true,
			Label: "Change to " + c.Plan, Note: "Asks only to confirm.",
			Fields: []field{
				{"flow_data[type]", "subscription_update_confirm"},
				{"flow_data[subscription_update_confirm][items][0][price]", c.Price},
			},
		})
	}
	return actions
}

// forSubscription are the flows of a subscription. The suffix keeps the forms' IDs apart where
// there are several.
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
		flow("update", "subscription_update", "Change plan", "Lets the customer choose."),
		flow("confirm", "subscription_update_confirm", "Change to "+c.Plan, "Asks only to confirm.", item...),
		flow("confirm-promotion", "subscription_update_confirm", "Change to "+c.Plan+", discounted",
			"Confirms, with a promotion code applied.",
			append(item, field{confirm + "[discounts][0][promotion_code]", c.PromotionCode})...),
		flow("cancel", "subscription_cancel", "Cancel plan", "Goes straight to cancelling."),
		flow("cancel-offer", "subscription_cancel", "Cancel plan, with an offer",
			"Offers "+c.Coupon+" for staying.",
			field{cancel + "[retention][type]", "coupon_offer"},
			field{cancel + "[retention][coupon_offer][coupon]", c.Coupon}),
	}
}
