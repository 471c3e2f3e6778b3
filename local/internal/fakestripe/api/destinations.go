package api

import (
	"net/http"
	"slices"

	"billingportal/local/internal/fakestripe/account"
)

// Event destinations belong to version 2 of the API, which the OpenAPI document does not describe.
// They include webhook endpoints (https://docs.stripe.com/api/v2/core/event_destinations).

// firstDestinations is the first API version with event destinations
// (https://docs.stripe.com/changelog/acacia/2024-10-28/event-destinations-api).
const firstDestinations = "2024-10-28"

// destinations serves a request for event destinations.
func (s *API) destinations(handle func(r *http.Request) (any, *apiError)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := s.receive(w, r, webhookRead); !ok {
			return
		}
		if r.Header.Get("Stripe-Version") < firstDestinations {
			newAnswer(nil, invalid("", "", "The Stripe-Version of this request has no event destinations.")).write(w)
			return
		}
		s.account.Lock()
		defer s.account.Unlock()
		newAnswer(handle(r)).write(w)
	}
}

// listEventDestinations handles GET /v2/core/event_destinations
// (https://docs.stripe.com/api/v2/core/event_destinations/list).
func (s *API) listEventDestinations(r *http.Request) (any, *apiError) {
	listed := []map[string]any{}
	for _, endpoint := range s.account.Data.Endpoints {
		object := endpoint.DestinationObject()
		if r.URL.Query().Get("include[0]") == "webhook_endpoint.url" {
			object["webhook_endpoint"] = map[string]any{"url": endpoint.URL, "signing_secret": nil}
		}
		listed = append(listed, object)
	}
	return map[string]any{"data": listed, "next_page_url": nil, "previous_page_url": nil}, nil
}

// retrieveEventDestination handles GET /v2/core/event_destinations/{id}
// (https://docs.stripe.com/api/v2/core/event_destinations/retrieve).
func (s *API) retrieveEventDestination(r *http.Request) (any, *apiError) {
	id := r.PathValue("id")
	i := slices.IndexFunc(s.account.Data.Endpoints, func(e account.WebhookEndpoint) bool { return e.ID == id })
	if i < 0 {
		return nil, notFound("event destination", id, "")
	}
	return s.account.Data.Endpoints[i].DestinationObject(), nil
}
