package api

import (
	"net/http"
	"net/url"
	"slices"
)

// Request is an API request as received, whether it was accepted or not.
type Request struct {
	Method, Path   string
	Query          string // without the question mark
	Body           string // the form as sent
	IdempotencyKey string
	StripeVersion  string
}

// Form returns the parameters in the body by their bracket names.
func (r Request) Form() url.Values {
	form, err := url.ParseQuery(r.Body)
	if err != nil {
		return nil
	}
	return form
}

// Requests returns the API requests so far, oldest first, if Config.Record is set. Only tests use
// it.
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
