package stripewire

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/stripe/stripe-mock/spec"
)

// configurationExpansions are the fields that Stripe leaves out unless they are asked for.
var configurationExpansions = []string{productsField, feedbackField}

const (
	productsField = "features.subscription_update.products"
	feedbackField = "features.subscription_cancel.cancellation_reason.feedback_options"
)

// listConfigurations answers GET /v1/billing_portal/configurations, newest first
// (https://docs.stripe.com/api/customer_portal/configurations/list).
func (s *Stripe) listConfigurations(_ *http.Request, params *node) (any, *apiError) {
	if problem := only(params, "is_default", "active", "limit", "starting_after", "ending_before"); problem != nil {
		return nil, problem
	}
	is := func(name string, value bool) bool {
		wanted := params.text(name)
		return wanted == nil || *wanted == strconv.FormatBool(value)
	}
	var wanted []Configuration
	for _, c := range s.data.Configurations {
		if is("is_default", c.Default) && is("active", !c.Inactive) {
			wanted = append(wanted, c)
		}
	}
	some, more, problem := page(wanted, func(c Configuration) string { return c.ID }, params)
	if problem != nil {
		return nil, problem
	}
	answer := list{Object: "list", Data: []map[string]any{}, HasMore: more, URL: "/v1/billing_portal/configurations"}
	for _, c := range some {
		answer.Data = append(answer.Data, s.configurationObject(c, nil))
	}
	return answer, nil
}

func (s *Stripe) retrieveConfiguration(r *http.Request, params *node) (any, *apiError) {
	if problem := only(params, "expand"); problem != nil {
		return nil, problem
	}
	expand, problem := expansions(params, configurationExpansions...)
	if problem != nil {
		return nil, problem
	}
	configuration := s.data.configuration(r.PathValue("id"))
	if configuration == nil {
		return nil, notFound("configuration", r.PathValue("id"), "configuration")
	}
	return s.configurationObject(*configuration, expand), nil
}

// createConfiguration answers POST /v1/billing_portal/configurations
// (https://docs.stripe.com/api/customer_portal/configurations/create).
func (s *Stripe) createConfiguration(r *http.Request, params *node) (any, *apiError) {
	c := Configuration{ID: "bpc_1" + rand.Text()[:23]}
	answer, problem := s.writeConfiguration(r, params, &c, "/v1/billing_portal/configurations")
	if problem == nil {
		s.data.Configurations = append([]Configuration{c}, s.data.Configurations...)
	}
	return answer, problem
}

// updateConfiguration answers POST /v1/billing_portal/configurations/{id}: absent parameters stay, and lists are replaced
// (https://docs.stripe.com/api/customer_portal/configurations/update).
func (s *Stripe) updateConfiguration(r *http.Request, params *node) (any, *apiError) {
	configuration := s.data.configuration(r.PathValue("id"))
	if configuration == nil {
		return nil, notFound("configuration", r.PathValue("id"), "configuration")
	}
	return s.writeConfiguration(r, params, configuration, "/v1/billing_portal/configurations/{configuration}")
}

func (s *Stripe) writeConfiguration(r *http.Request, params *node, c *Configuration, path string) (any, *apiError) {
	if version := r.Header.Get("Stripe-Version"); version != s.document.version {
		return nil, notHere("", "writing configurations with the API version %q", version)
	}
	expand, problem := expansions(params, configurationExpansions...)
	if problem != nil {
		return nil, problem
	}
	if problem := s.data.existsInCatalogue(params); problem != nil {
		return nil, problem
	}
	delete(params.children, "expand")
	written, _ := valueOf(params, s.document.parameters(path, http.MethodPost)).(map[string]any)
	c.More = merged(c.More, written)
	c.readBack(written)
	return s.configurationObject(*c, expand), nil
}

// existsInCatalogue looks for products and prices that do not exist.
func (d *Data) existsInCatalogue(params *node) *apiError {
	for _, product := range params.at("features", "subscription_update", "products").list() {
		if id := product.at("product"); id != nil && d.product(id.value) == nil {
			return noSuch("product", id.value, id.name)
		}
		for _, price := range product.at("prices").list() {
			if d.price(price.value) == nil {
				return noSuch("price", price.value, price.name)
			}
		}
	}
	return nil
}

// valueOf converts parameters to the types of their schema; nil means unset.
func valueOf(n *node, schema *spec.Schema) any {
	switch {
	case len(schema.AnyOf) > 0:
		return valueOf(n, alternative(n, schema))
	case schema.Type == spec.TypeObject:
		object := map[string]any{}
		for name, child := range n.children {
			known := schema.Properties[name]
			if known == nil {
				known = schema.AdditionalProperties
			}
			object[name] = valueOf(child, known)
		}
		return object
	case schema.Type == spec.TypeArray:
		elements := []any{}
		for _, element := range n.list() {
			elements = append(elements, valueOf(element, schema.Items))
		}
		return elements
	case n.value == "":
		return nil
	case schema.Type == spec.TypeBoolean:
		return n.value == "true"
	case schema.Type == spec.TypeInteger:
		number, _ := strconv.ParseInt(n.value, 10, 64) // checked before
		return number
	}
	return n.value
}

// merged is a copy of an object with the changes in it. A member that becomes nil is left out.
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

// readBack takes over what the stand-in acts on.
func (c *Configuration) readBack(written map[string]any) {
	at := func(object map[string]any, name string) (map[string]any, bool) {
		member, ok := object[name].(map[string]any)
		return member, ok
	}
	take := func(object map[string]any, name string, into any) {
		value, isSet := object[name]
		switch into := into.(type) {
		case *bool:
			if isSet {
				*into = value == true
			}
		case *string:
			if isSet {
				*into, _ = value.(string)
			}
		case *[]string:
			if isSet {
				*into = texts(value)
			}
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

// configurationObject is a configuration as the API shows it
// (https://docs.stripe.com/api/customer_portal/configurations/object).
func (s *Stripe) configurationObject(c Configuration, expand map[string]bool) map[string]any {
	enabled := func(is bool) map[string]any { return map[string]any{"enabled": is} }
	object := merged(map[string]any{
		"object": "billing_portal.configuration", "application": nil, "livemode": s.livemode, "metadata": map[string]any{},
		"business_profile": map[string]any{"headline": nil, "privacy_policy_url": nil, "terms_of_service_url": nil},
		"login_page":       map[string]any{"enabled": false, "url": nil},
		"features": map[string]any{
			"customer_update": map[string]any{"allowed_updates": []any{}, "enabled": false},
			"invoice_history": enabled(false),
			"subscription_cancel": map[string]any{
				"mode": "at_period_end", "proration_behavior": "none",
				"cancellation_reason": map[string]any{"enabled": false, "options": []any{}, "feedback_options": []any{}},
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
			"subscription_update": map[string]any{"enabled": c.Update, "default_allowed_updates": append([]string{}, c.AllowedUpdates...)},
		},
	})
	object["name"], object["default_return_url"] = orNull(c.Name), orNull(c.DefaultReturnURL)
	features := object["features"].(map[string]any)
	update := features["subscription_update"].(map[string]any)
	update["products"] = s.data.productsOf(c, update["products"])
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

// productsOf are the products that subscriptions can be changed to: those that were set, or those of the prices in the order of the
// account's products.
func (d *Data) productsOf(c Configuration, set any) []any {
	products := []any{}
	if elements, isSet := set.([]any); isSet {
		for _, element := range elements {
			products = append(products, merged(map[string]any{"adjustable_quantity": map[string]any{"enabled": false, "maximum": nil, "minimum": 0}}, element.(map[string]any)))
		}
		return products
	}
	for _, product := range d.Products {
		prices := slices.DeleteFunc(slices.Clone(c.Prices), func(id string) bool {
			price := d.price(id)
			return price == nil || price.Product != product.ID
		})
		if len(prices) > 0 {
			products = append(products, map[string]any{
				"product": product.ID, "prices": prices, "adjustable_quantity": map[string]any{"enabled": false, "maximum": nil, "minimum": 0},
			})
		}
	}
	return products
}
