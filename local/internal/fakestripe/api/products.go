package api

import (
	"net/http"
	"slices"

	"billingportal/local/internal/fakestripe/account"
)

// listProducts answers GET /v1/products (https://docs.stripe.com/api/products/list). It is how the
// names of a subscription list's products are found in one call, since a list cannot be expanded as
// deep as them.
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
