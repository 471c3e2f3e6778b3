package stripewire

import (
	"net/http"
	"slices"
	"time"
)

// What an account has beside its customers' subscriptions: read by whoever looks whether a deployment can work.

// WebhookEndpoint is an endpoint that Stripe sends events to.
type WebhookEndpoint struct {
	ID, URL  string
	Disabled bool
	Thin     bool     // its events carry no object
	Events   []string // types, or "*"
}

func (e WebhookEndpoint) status() string {
	if e.Disabled {
		return "disabled"
	}
	return "enabled"
}

// notFound is noSuch for an object that is asked for by its own address.
func notFound(kind, id, param string) *apiError {
	problem := noSuch(kind, id, param)
	problem.status = http.StatusNotFound
	return problem
}

// listCustomers answers GET /v1/customers (https://docs.stripe.com/api/customers/list), newest first. Deleted ones are not listed.
func (s *Stripe) listCustomers(_ *http.Request, params *node) (any, *apiError) {
	if problem := only(params, "limit", "starting_after", "ending_before", "email", "expand"); problem != nil {
		return nil, problem
	}
	expand, problem := expansions(params, "data.subscriptions")
	if problem != nil {
		return nil, problem
	}
	email := params.text("email")
	listed := s.newestCustomers()
	if email != nil {
		listed = slices.DeleteFunc(slices.Clone(listed), func(c Customer) bool { return c.Email != *email })
	}
	some, more, problem := page(listed, func(c Customer) string { return c.ID }, params)
	if problem != nil {
		return nil, problem
	}
	answer := list{Object: "list", Data: []map[string]any{}, HasMore: more, URL: "/v1/customers"}
	for _, customer := range some {
		object := customerObject(customer)
		if expand["data.subscriptions"] {
			object["subscriptions"] = s.data.subscriptionsOf(customer.ID)
		}
		answer.Data = append(answer.Data, object)
	}
	return answer, nil
}

// subscriptionsOf is the list that a customer is expanded with: those that are not canceled.
func (d *Data) subscriptionsOf(customer string) list {
	listed := list{Object: "list", Data: []map[string]any{}, URL: "/v1/customers/" + customer + "/subscriptions"}
	for _, subscription := range d.Subscriptions {
		if subscription.Customer == customer && subscription.Status != "canceled" {
			listed.Data = append(listed.Data, d.subscriptionObject(subscription, false))
		}
	}
	return listed
}

// newestCustomers are those that are listed, in the order of a list. It is kept for as long as the customers are the same.
func (s *Stripe) newestCustomers() []Customer {
	if s.listed != nil {
		return s.listed
	}
	s.listed = slices.DeleteFunc(slices.Clone(s.data.Customers), func(c Customer) bool { return c.Deleted })
	slices.SortStableFunc(s.listed, func(a, b Customer) int { return b.Created.Compare(a.Created) })
	return s.listed
}

// retrieveCustomer answers GET /v1/customers/{id}, for a deleted one with as little as Stripe
// (https://docs.stripe.com/api/customers/retrieve).
func (s *Stripe) retrieveCustomer(r *http.Request, params *node) (any, *apiError) {
	if problem := only(params); problem != nil {
		return nil, problem
	}
	id := r.PathValue("id")
	customer := find(s.data.Customers, func(c Customer) bool { return c.ID == id })
	switch {
	case customer == nil:
		return nil, notFound("customer", id, "id")
	case customer.Deleted:
		return map[string]any{"id": id, "object": "customer", "deleted": true}, nil
	}
	return customerObject(*customer), nil
}

// retrieveCoupon answers GET /v1/coupons/{id} (https://docs.stripe.com/api/coupons/retrieve).
func (s *Stripe) retrieveCoupon(r *http.Request, params *node) (any, *apiError) {
	if problem := only(params); problem != nil {
		return nil, problem
	}
	coupon := s.data.coupon(r.PathValue("id"))
	if coupon == nil {
		return nil, notFound("coupon", r.PathValue("id"), "coupon")
	}
	return map[string]any{"id": coupon.ID, "object": "coupon", "name": coupon.Name, "percent_off": coupon.PercentOff, "valid": !coupon.Expired, "livemode": false}, nil
}

// retrievePromotionCode answers GET /v1/promotion_codes/{id} (https://docs.stripe.com/api/promotion_codes/retrieve).
func (s *Stripe) retrievePromotionCode(r *http.Request, params *node) (any, *apiError) {
	if problem := only(params); problem != nil {
		return nil, problem
	}
	code := s.data.promotionCode(r.PathValue("id"))
	if code == nil {
		return nil, notFound("promotion code", r.PathValue("id"), "promotion_code")
	}
	return map[string]any{"id": code.ID, "object": "promotion_code", "code": code.Code, "active": !code.Inactive, "livemode": false}, nil
}

// retrieveOwnAccount answers GET /v1/account, the account of the key. Most restricted keys may not
// (https://docs.stripe.com/api/accounts/retrieve).
func (s *Stripe) retrieveOwnAccount(_ *http.Request, params *node) (any, *apiError) {
	if problem := only(params); problem != nil {
		return nil, problem
	}
	return map[string]any{"id": s.data.Account, "object": "account", "charges_enabled": true}, nil
}

// retrieveAccount answers GET /v1/accounts/{id}. Stripe says the same of an account that is not connected and of one that does not
// exist (https://docs.stripe.com/error-codes#account-invalid).
func (s *Stripe) retrieveAccount(r *http.Request, params *node) (any, *apiError) {
	if problem := only(params); problem != nil {
		return nil, problem
	}
	id := r.PathValue("id")
	if !slices.Contains(s.data.Connected, id) {
		return nil, &apiError{
			status: http.StatusForbidden, Type: "invalid_request_error", Code: "account_invalid",
			Message: "The provided key does not have access to account '" + id + "' (or that account does not exist). Application access may have been revoked.",
		}
	}
	return map[string]any{"id": id, "object": "account", "charges_enabled": true}, nil
}

// listWebhookEndpoints answers GET /v1/webhook_endpoints (https://docs.stripe.com/api/webhook_endpoints/list).
func (s *Stripe) listWebhookEndpoints(_ *http.Request, params *node) (any, *apiError) {
	if problem := only(params, "limit", "starting_after", "ending_before"); problem != nil {
		return nil, problem
	}
	// A destination of thin events is not a webhook endpoint.
	listed := slices.DeleteFunc(slices.Clone(s.data.Endpoints), func(e WebhookEndpoint) bool { return e.Thin })
	some, more, problem := page(listed, func(e WebhookEndpoint) string { return e.ID }, params)
	if problem != nil {
		return nil, problem
	}
	answer := list{Object: "list", Data: []map[string]any{}, HasMore: more, URL: "/v1/webhook_endpoints"}
	for _, endpoint := range some {
		answer.Data = append(answer.Data, map[string]any{
			"id": endpoint.ID, "object": "webhook_endpoint", "url": endpoint.URL, "status": endpoint.status(), "enabled_events": endpoint.Events,
			"livemode": false, "created": s.now().Add(-time.Hour).Unix(),
		})
	}
	return answer, nil
}
