package api

import (
	"net/http"
	"slices"
	"time"

	"billingportal/local/internal/fakestripe/account"
)

// notFound is noSuch for an object whose ID is in the path.
func notFound(kind, id, param string) *apiError {
	problem := noSuch(kind, id, param)
	problem.status = http.StatusNotFound
	return problem
}

// listCustomers handles GET /v1/customers (https://docs.stripe.com/api/customers/list), newest
// first, without deleted customers.
func (s *API) listCustomers(_ *http.Request, params *node) (any, *apiError) {
	expand, problem := expansions(params, "data.subscriptions")
	if problem != nil {
		return nil, problem
	}
	email := params.text("email")
	all := s.account.NewestCustomers()
	if email != nil {
		all = slices.DeleteFunc(slices.Clone(all), func(c account.Customer) bool { return c.Email != *email })
	}
	return listed("/v1/customers", all, func(c account.Customer) string { return c.ID },
		func(customer account.Customer) map[string]any {
			object := account.CustomerObject(customer)
			if expand["data.subscriptions"] {
				object["subscriptions"] = subscriptionsOf(&s.account.Data, customer.ID)
			}
			return object
		}, params)
}

// subscriptionsOf returns the list in an expanded customer: the subscriptions that are not
// canceled.
func subscriptionsOf(d *account.Data, customer string) list {
	found := list{Object: "list", Data: []map[string]any{}, URL: "/v1/customers/" + customer + "/subscriptions"}
	for _, subscription := range d.Subscriptions {
		if subscription.Customer == customer && subscription.Status != "canceled" {
			found.Data = append(found.Data, d.SubscriptionObject(subscription, false))
		}
	}
	return found
}

// retrieveCustomer handles GET /v1/customers/{id}. For a deleted customer it returns only the few
// members that Stripe returns (https://docs.stripe.com/api/customers/retrieve).
func (s *API) retrieveCustomer(r *http.Request, _ *node) (any, *apiError) {
	id := r.PathValue("id")
	i := slices.IndexFunc(s.account.Data.Customers, func(c account.Customer) bool { return c.ID == id })
	switch {
	case i < 0:
		return nil, notFound("customer", id, "id")
	case s.account.Data.Customers[i].Deleted:
		return map[string]any{"id": id, "object": "customer", "deleted": true}, nil
	}
	return account.CustomerObject(s.account.Data.Customers[i]), nil
}

// retrieveCoupon handles GET /v1/coupons/{id} (https://docs.stripe.com/api/coupons/retrieve).
func (s *API) retrieveCoupon(r *http.Request, _ *node) (any, *apiError) {
	coupon := s.account.Data.Coupon(r.PathValue("id"))
	if coupon == nil {
		return nil, notFound("coupon", r.PathValue("id"), "coupon")
	}
	return map[string]any{"id": coupon.ID, "object": "coupon", "name": coupon.Name, "percent_off": coupon.PercentOff,
		"valid": !coupon.Expired, "livemode": false}, nil
}

// retrievePromotionCode handles GET /v1/promotion_codes/{id}
// (https://docs.stripe.com/api/promotion_codes/retrieve).
func (s *API) retrievePromotionCode(r *http.Request, _ *node) (any, *apiError) {
	code := s.account.Data.PromotionCode(r.PathValue("id"))
	if code == nil {
		return nil, notFound("promotion code", r.PathValue("id"), "promotion_code")
	}
	return map[string]any{"id": code.ID, "object": "promotion_code", "code": code.Code,
		"active": !code.Inactive, "livemode": false}, nil
}

// retrieveOwnAccount handles GET /v1/account, the account of the key. Most restricted keys do not
// have the permission (https://docs.stripe.com/api/accounts/retrieve).
func (s *API) retrieveOwnAccount(_ *http.Request, _ *node) (any, *apiError) {
	return map[string]any{"id": s.account.Data.Account, "object": "account", "charges_enabled": true}, nil
}

// retrieveAccount handles GET /v1/accounts/{id}. Stripe returns the same error for an account that
// is not connected and one that does not exist
// (https://docs.stripe.com/error-codes#account-invalid).
func (s *API) retrieveAccount(r *http.Request, _ *node) (any, *apiError) {
	id := r.PathValue("id")
	if !slices.Contains(s.account.Data.Connected, id) {
		return nil, &apiError{
			status: http.StatusForbidden, Type: "invalid_request_error", Code: "account_invalid",
			Message: "The provided key does not have access to account '" + id +
				"' (or that account does not exist). Application access may have been revoked.",
		}
	}
	return map[string]any{"id": id, "object": "account", "charges_enabled": true}, nil
}

// listWebhookEndpoints handles GET /v1/webhook_endpoints
// (https://docs.stripe.com/api/webhook_endpoints/list).
func (s *API) listWebhookEndpoints(_ *http.Request, params *node) (any, *apiError) {
	// A destination of thin events is not a webhook endpoint.
	all := slices.DeleteFunc(slices.Clone(s.account.Data.Endpoints),
		func(e account.WebhookEndpoint) bool { return e.Thin })
	return listed("/v1/webhook_endpoints", all, func(e account.WebhookEndpoint) string { return e.ID },
		func(endpoint account.WebhookEndpoint) map[string]any {
			return map[string]any{
				"id": endpoint.ID, "object": "webhook_endpoint", "url": endpoint.URL, "status": endpoint.Status(),
				"enabled_events": endpoint.Events,
				"livemode":       false, "created": s.account.Now().Add(-time.Hour).Unix(),
			}
		}, params)
}
