package stripewire

import (
	"net/http"
	"slices"
)

// listSubscriptions answers GET /v1/subscriptions (https://docs.stripe.com/api/subscriptions/list).
func (s *Stripe) listSubscriptions(_ *http.Request, params *node) (any, *apiError) {
	if problem := only(params, "customer", "status", "price", "limit", "starting_after", "ending_before", "expand"); problem != nil {
		return nil, problem
	}
	_, problem := expansions(params, "data.items.data.price")
	if problem != nil {
		return nil, problem
	}
	customer := params.text("customer")
	if customer != nil && s.data.customer(*customer) == nil {
		return nil, noSuch("customer", *customer, "customer")
	}
	var matching []Subscription
	for _, subscription := range s.data.Subscriptions {
		if customer != nil && subscription.Customer != *customer {
			continue
		}
		if !inStatus(subscription.Status, params.or("", "status")) {
			continue
		}
		if price := params.text("price"); price != nil &&
			!slices.ContainsFunc(subscription.Items, func(i Item) bool { return i.Price == *price }) {
			continue
		}
		matching = append(matching, subscription)
	}
	// Newest first; those of one moment keep the order of Data.
	slices.SortStableFunc(matching, func(a, b Subscription) int { return b.Created.Compare(a.Created) })

	some, more, problem := page(matching, func(s Subscription) string { return s.ID }, params)
	if problem != nil {
		return nil, problem
	}
	answer := list{Object: "list", Data: []map[string]any{}, HasMore: more, URL: "/v1/subscriptions"}
	for _, subscription := range some {
		answer.Data = append(answer.Data, s.data.subscriptionObject(subscription, false))
	}
	return answer, nil
}

// inStatus says whether a list for a status holds a subscription: without one, those that are not canceled.
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

// retrieveSubscription answers GET /v1/subscriptions/{id} (https://docs.stripe.com/api/subscriptions/retrieve).
func (s *Stripe) retrieveSubscription(r *http.Request, params *node) (any, *apiError) {
	expand, problem := expansions(params, "items.data.price", "items.data.price.product")
	if problem != nil {
		return nil, problem
	}
	subscription := s.data.subscription(r.PathValue("id"))
	if subscription == nil {
		problem := noSuch("subscription", r.PathValue("id"), "id")
		problem.status = http.StatusNotFound
		return nil, problem
	}
	return s.data.subscriptionObject(*subscription, expand["items.data.price.product"]), nil
}
