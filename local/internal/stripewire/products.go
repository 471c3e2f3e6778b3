package stripewire

import (
	"net/http"
	"slices"
)

// listProducts answers GET /v1/products (https://docs.stripe.com/api/products/list). It is how the names of a
// subscription list's products are found in one call, since a list cannot be expanded as deep as them.
func (s *Stripe) listProducts(_ *http.Request, params *node) (any, *apiError) {
	if problem := only(params, "ids", "limit", "starting_after", "ending_before"); problem != nil {
		return nil, problem
	}
	matching := s.data.Products
	if ids := params.at("ids").list(); len(ids) > 0 {
		matching = nil
		for _, product := range s.data.Products {
			if slices.ContainsFunc(ids, func(id *node) bool { return id.value == product.ID }) {
				matching = append(matching, product)
			}
		}
	}
	some, more, problem := page(matching, func(p Product) string { return p.ID }, params)
	if problem != nil {
		return nil, problem
	}
	answer := list{Object: "list", Data: []map[string]any{}, HasMore: more, URL: "/v1/products"}
	for _, product := range some {
		answer.Data = append(answer.Data, productObject(product))
	}
	return answer, nil
}
