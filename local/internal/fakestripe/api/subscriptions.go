package api

import (
	"net/http"
	"slices"

	"billingportal/local/internal/fakestripe/account"
)

// listSubscriptions handles GET /v1/subscriptions (https://docs.stripe.com/api/subscriptions/list).
func (s *API) listSubscriptions(_ *http.Request, params *node) (any, *apiError) {
	_, problem := expansions(params, "data.items.data.price")
	if problem != nil {
		return nil, problem
	}
	customer := params.text("customer")
	if customer != nil && s.account.Data.Customer(*customer) == nil {
		return nil, noSuch("customer", *customer, "customer")
	}
	var matching []account.Subscription
	for _, subscription := range s.account.Data.Subscriptions {
		if customer != nil && subscription.Customer != *customer {
			continue
		}
		if !inStatus(subscription.Status, params.or("", "status")) {
			continue
		}
		if price := params.text("price"); price != nil &&
			!slices.ContainsFunc(subscription.Items, func(i account.Item) bool { return i.Price == *price }) {
			continue
		}
		matching = append(matching, subscription)
	}
	// Newest first. Subscriptions with the same time keep the order of Data.
	slices.SortStableFunc(matching, func(a, b account.Subscription) int { return b.Created.Compare(a.Created) })

	return listed("/v1/subscriptions", matching, func(s account.Subscription) string { return s.ID },
		func(subscription account.Subscription) map[string]any {
			return s.account.Data.SubscriptionObject(subscription, false)
		}, params)
}

// inStatus reports whether a list filtered by status includes a subscription. Without a filter it
// includes all except canceled ones.
func inStatus(is, wanted string) bool {
	switch wanted {
	case "":
		return is != "canceled"
	case "all":
		return true
	case "ended":
		return is == "canceled" || is == "incomplete_expired"
	}
	return is == wanted
}

// retrieveSubscription handles GET /v1/subscriptions/{id}
// (https://docs.stripe.com/api/subscriptions/retrieve).
func (s *API) retrieveSubscription(r *http.Request, params *node) (any, *apiError) {
	expand, problem := expansions(params, "items.data.price", "items.data.price.product")
	if problem != nil {
		return nil, problem
	}
	subscription := s.account.Data.Subscription(r.PathValue("id"))
	if subscription == nil {
		problem := noSuch("subscription", r.PathValue("id"), "id")
		problem.status = http.StatusNotFound
		return nil, problem
	}
	return s.account.Data.SubscriptionObject(*subscription, expand["items.data.price.product"]), nil
}
