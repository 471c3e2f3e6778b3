package api

import (
	"crypto/rand"
	"net/http"
	"strconv"

	"github.com/stripe/stripe-mock/spec"

	"billingportal/local/internal/fakestripe/account"
)

// listConfigurations handles GET /v1/billing_portal/configurations, newest first
// (https://docs.stripe.com/api/customer_portal/configurations/list).
func (s *API) listConfigurations(_ *http.Request, params *node) (any, *apiError) {
	is := func(name string, value bool) bool {
		wanted := params.text(name)
		return wanted == nil || *wanted == strconv.FormatBool(value)
	}
	var wanted []account.Configuration
	for _, c := range s.account.Data.Configurations {
		if is("is_default", c.Default) && is("active", !c.Inactive) {
			wanted = append(wanted, c)
		}
	}
	return listed("/v1/billing_portal/configurations", wanted, func(c account.Configuration) string { return c.ID },
		func(c account.Configuration) map[string]any {
			return s.account.Data.ConfigurationObject(c, s.config.Livemode, nil)
		}, params)
}

func (s *API) retrieveConfiguration(r *http.Request, params *node) (any, *apiError) {
	expand, problem := expansions(params, account.ConfigurationExpansions...)
	if problem != nil {
		return nil, problem
	}
	configuration := s.account.Data.Configuration(r.PathValue("id"))
	if configuration == nil {
		return nil, notFound("configuration", r.PathValue("id"), "configuration")
	}
	return s.account.Data.ConfigurationObject(*configuration, s.config.Livemode, expand), nil
}

// createConfiguration handles POST /v1/billing_portal/configurations
// (https://docs.stripe.com/api/customer_portal/configurations/create).
func (s *API) createConfiguration(r *http.Request, params *node) (any, *apiError) {
	c := account.Configuration{ID: "bpc_1" + rand.Text()[:23]}
	answer, problem := s.writeConfiguration(r, params, &c, "/v1/billing_portal/configurations")
	if problem == nil {
		s.account.Data.Configurations = append([]account.Configuration{c}, s.account.Data.Configurations...)
	}
	return answer, problem
}

// updateConfiguration handles POST /v1/billing_portal/configurations/{id}. Missing parameters do
// not change, and lists are replaced
// (https://docs.stripe.com/api/customer_portal/configurations/update).
func (s *API) updateConfiguration(r *http.Request, params *node) (any, *apiError) {
	configuration := s.account.Data.Configuration(r.PathValue("id"))
	if configuration == nil {
		return nil, notFound("configuration", r.PathValue("id"), "configuration")
	}
	return s.writeConfiguration(r, params, configuration, "/v1/billing_portal/configurations/{configuration}")
}

func (s *API) writeConfiguration(r *http.Request, params *node, c *account.Configuration,
	path string) (any, *apiError) {
	if version := r.Header.Get("Stripe-Version"); version != s.document.version {
		return nil, notHere("", "writing configurations with the API version %q", version)
	}
	expand, problem := expansions(params, account.ConfigurationExpansions...)
	if problem != nil {
		return nil, problem
	}
	if problem := (rules{&s.account.Data}).existsInCatalogue(params); problem != nil {
		return nil, problem
	}
	delete(params.children, "expand")
	written, _ := valueOf(params, s.document.parameters(path, http.MethodPost)).(map[string]any)
	c.Write(written)
	return s.account.Data.ConfigurationObject(*c, s.config.Livemode, expand), nil
}

// existsInCatalogue returns an error if a product or price does not exist.
func (d rules) existsInCatalogue(params *node) *apiError {
	for _, product := range params.at("features", "subscription_update", "products").list() {
		if id := product.at("product"); id != nil && d.Product(id.value) == nil {
			return noSuch("product", id.value, id.name)
		}
		for _, price := range product.at("prices").list() {
			if d.Price(price.value) == nil {
				return noSuch("price", price.value, price.name)
			}
		}
	}
	return nil
}

// valueOf converts parameters to the types of their schema. nil means unset.
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
		number, _ := strconv.ParseInt(n.value, 10, 64) // check accepted it
		return number
	}
	return n.value
}
