package account

import (
	"fmt"
	"maps"
	"slices"
)

// ConfigurationExpansions are the fields that Stripe returns only if the request expands them.
var ConfigurationExpansions = []string{productsField, feedbackField}

const (
	productsField = "features.subscription_update.products"
	feedbackField = "features.subscription_cancel.cancellation_reason.feedback_options"
)

// Write sets parameters of the API, in the types of their schema. A nil value unsets a parameter.
func (c *Configuration) Write(parameters map[string]any) {
	c.More = merged(c.More, parameters)
	c.readBack(parameters)
}

// merged returns a copy of an object with changes applied. It removes members that become nil.
func merged(object, changes map[string]any) map[string]any {
	result := maps.Clone(object)
	if result == nil {
		result = map[string]any{}
	}
	for name, change := range changes {
		if members, isObject := change.(map[string]any); isObject {
			before, _ := result[name].(map[string]any)
			change = merged(before, members)
		}
		if result[name] = change; change == nil {
			delete(result, name)
		}
	}
	return result
}

// readBack copies the parameters that the fake uses to the fields of the configuration.
func (c *Configuration) readBack(written map[string]any) {
	at := func(object map[string]any, name string) (map[string]any, bool) {
		member, ok := object[name].(map[string]any)
		return member, ok
	}
	take := func(object map[string]any, name string, into any) {
		value, isSet := object[name]
		if !isSet {
			return
		}
		switch into := into.(type) {
		case *bool:
			*into = value == true
		case *string:
			*into, _ = value.(string)
		case *[]string:
			*into = texts(value)
		}
	}
	take(written, "name", &c.Name)
	take(written, "default_return_url", &c.DefaultReturnURL)
	if active, isSet := written["active"].(bool); isSet {
		c.Inactive = !active
	}
	features, _ := at(written, "features")
	if feature, ok := at(features, "subscription_cancel"); ok {
		take(feature, "enabled", &c.Cancel)
	}
	if feature, ok := at(features, "payment_method_update"); ok {
		take(feature, "enabled", &c.PaymentMethod)
	}
	if feature, ok := at(features, "customer_update"); ok {
		take(feature, "enabled", &c.CustomerUpdate)
	}
	if feature, ok := at(features, "subscription_update"); ok {
		take(feature, "enabled", &c.Update)
		take(feature, "default_allowed_updates", &c.AllowedUpdates)
		if products, isSet := feature["products"]; isSet {
			c.Prices = nil
			elements, _ := products.([]any)
			for _, product := range elements {
				c.Prices = append(c.Prices, texts(product.(map[string]any)["prices"])...)
			}
		}
	}
}

func texts(list any) []string {
	var found []string
	elements, _ := list.([]any)
	for _, element := range elements {
		found = append(found, fmt.Sprint(element))
	}
	return found
}

// ConfigurationObject returns a configuration as the API shows it
// (https://docs.stripe.com/api/customer_portal/configurations/object).
func (d *Data) ConfigurationObject(c Configuration, livemode bool, expand map[string]bool) map[string]any {
	enabled := func(is bool) map[string]any { return map[string]any{"enabled": is} }
	object := merged(map[string]any{
		"object": "billing_portal.configuration", "application": nil, "livemode": livemode,
		"metadata":         map[string]any{},
		"business_profile": map[string]any{"headline": nil, "privacy_policy_url": nil, "terms_of_service_url": nil},
		"login_page":       map[string]any{"enabled": false, "url": nil},
		"features": map[string]any{
			"customer_update": map[string]any{"allowed_updates": []any{}},
			"invoice_history": enabled(false),
			"subscription_cancel": map[string]any{
				"mode": "at_period_end", "proration_behavior": "none",
				"cancellation_reason": map[string]any{"enabled": false, "options": []any{},
					"feedback_options": []any{}},
			},
			"subscription_update": map[string]any{
				"proration_behavior": "none", "trial_update_behavior": "end_trial", "billing_cycle_anchor": nil,
				"schedule_at_period_end": map[string]any{"conditions": []any{}},
			},
			"payment_method_update": map[string]any{"payment_method_configuration": nil},
		},
	}, c.More)
	object = merged(object, map[string]any{
		"id": c.ID, "active": !c.Inactive, "is_default": c.Default,
		"features": map[string]any{
			"payment_method_update": enabled(c.PaymentMethod), "subscription_cancel": enabled(c.Cancel),
			"customer_update": enabled(c.CustomerUpdate),
			"subscription_update": map[string]any{"enabled": c.Update,
				"default_allowed_updates": append([]string{}, c.AllowedUpdates...)},
		},
	})
	object["name"], object["default_return_url"] = orNull(c.Name), orNull(c.DefaultReturnURL)
	features := object["features"].(map[string]any)
	update := features["subscription_update"].(map[string]any)
	update["products"] = d.productsOf(c, update["products"])
	reason := features["subscription_cancel"].(map[string]any)["cancellation_reason"].(map[string]any)
	if !expand[productsField] {
		delete(update, "products")
	}
	if !expand[feedbackField] {
		delete(reason, "feedback_options")
	}
	return object
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// productsOf returns the products to which subscriptions can change: the products that were set, or
// those of the prices, in the order of the products of the account.
func (d *Data) productsOf(c Configuration, set any) []any {
	products := []any{}
	if elements, isSet := set.([]any); isSet {
		for _, element := range elements {
			products = append(products, merged(map[string]any{"adjustable_quantity": map[string]any{"enabled": false,
				"maximum": nil, "minimum": 0}}, element.(map[string]any)))
		}
		return products
	}
	for _, product := range d.Products {
		prices := slices.DeleteFunc(slices.Clone(c.Prices), func(id string) bool {
			price := d.Price(id)
			return price == nil || price.Product != product.ID
		})
		if len(prices) > 0 {
			products = append(products, map[string]any{
				"product": product.ID, "prices": prices,
				"adjustable_quantity": map[string]any{"enabled": false, "maximum": nil, "minimum": 0},
			})
		}
	}
	return products
}
