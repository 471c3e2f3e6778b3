package api

import (
	"net/http"
	"slices"

	"billingportal/local/internal/fakestripe/account"
)

// listProducts handles GET /v1/products (https://docs.stripe.com/api/products/list). The product
// uses it to get the names of all products in a list of subscriptions with one call, because the
// expansion of a list cannot reach them.
func (s *API) listProducts(_ *http.Request, params *node) (any, *apiError) {
	matching := s.account.Data.Products
	if ids := params.at("ids").list(); len(ids) > 0 {
		matching = nil
		for _, product := range s.account.Data.Products {
			if slices.ContainsFunc(ids, func(id *node) bool { return id.value == product.ID }) {
				matching = append(matching, product)
			}
		}
	}
	return listed("/v1/products", matching, func(p account.Product) string { return p.ID },
		account.ProductObject, params)
}
