package api

import (
	"net/http"
	"net/url"
	"slices"
)

// Request is an API request as it came over the wire, also when it was refused.
type Request struct {
	Method, Path   string
	Query          string // without the question mark
	Body           string // the form, exactly as sent
	IdempotencyKey string
	StripeVersion  string
}

// Form is the body's parameters under Stripe's bracket names.
func (r Request) Form() url.Values {
	form, err := url.ParseQuery(r.Body)
	if err != nil {
		return nil
	}
	return form
}

// Requests returns the API requests so far, oldest first, if Config.Record is set. Tests use it;
// the product never does.
func (s *API) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *API) recordRequest(r *http.Request, body string) {
	if !s.config.Record {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{
		Method:         r.Method,
		Path:           r.URL.Path,
		Query:          r.URL.RawQuery,
		Body:           body,
		IdempotencyKey: r.Header.Get("Idempotency-Key"),
		StripeVersion:  r.Header.Get("Stripe-Version"),
	})
}
