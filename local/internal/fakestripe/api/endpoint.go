package api

import (
	"crypto/rand"
	"io"
	"net/http"
	"strings"
)

// maxBody limits a request body, in bytes. Stripe does not document its limit.
const maxBody = 1 << 20

// endpoint is an operation of the API: its path in Stripe's document, the permission that a key
// needs, and its handler.
type endpoint struct {
	method, path string
	needs        permission
	// names of the supported parameters; "*" for all parameters in the document
	parameters string
	// called with the lock of the account held
	handle func(s *API, r *http.Request, params *node) (any, *apiError)
}

func (s *API) endpoint(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		requestID, body, ok := s.receive(w, r, e.needs)
		if !ok {
			return
		}
		run := func() (*answer, bool) {
			result, problem, begun := s.run(r, e, body)
			return newAnswer(result, problem), begun
		}
		if r.Method == http.MethodPost && r.Header.Get("Idempotency-Key") != "" {
			s.once(w, r, body, requestID, run).write(w)
			return
		}
		a, _ := run()
		a.write(w)
	}
}

// receive sets the request ID, records the request and checks its authorization.
func (s *API) receive(w http.ResponseWriter, r *http.Request, needs permission) (requestID, body string, ok bool) {
	requestID = "req_" + rand.Text()[:14]
	w.Header().Set("Request-Id", requestID)
	if version := r.Header.Get("Stripe-Version"); version != "" {
		w.Header().Set("Stripe-Version", version)
	}
	read, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		problem := invalid("", "", "The request's body could not be read.")
		problem.status = http.StatusRequestEntityTooLarge
		newAnswer(nil, problem).write(w)
		return requestID, "", false
	}
	s.recordRequest(r, string(read))
	if problem := s.authorize(r, needs); problem != nil {
		newAnswer(nil, problem).write(w)
		return requestID, "", false
	}
	return requestID, string(read), true
}

func (s *API) unknownEndpoint(w http.ResponseWriter, r *http.Request) {
	if _, _, ok := s.receive(w, r, permission{}); !ok {
		return
	}
	problem := invalid("", "", "Unrecognized request URL (%s: %s). This stand-in for Stripe serves only what the "+
		"product uses.", r.Method, r.URL.Path)
	problem.status = http.StatusNotFound
	newAnswer(nil, problem).write(w)
}

// run checks a request and calls its handler. begun reports whether the request reached the state
// of the account; only then is its response stored for its idempotency key
// (https://docs.stripe.com/api/idempotent_requests).
func (s *API) run(r *http.Request, e endpoint, body string) (result any, problem *apiError, begun bool) {
	form := body
	if r.Method == http.MethodGet {
		form = r.URL.RawQuery
	}
	params, problem := parseForm(form)
	if problem != nil {
		return nil, problem, false
	}
	if problem := check(params, s.document.parameters(e.path, r.Method)); problem != nil {
		return nil, problem, false
	}
	if problem := s.document.validate(r, body); problem != nil {
		return nil, problem, false
	}
	s.account.Lock()
	defer s.account.Unlock()
	if e.parameters != "*" {
		if problem := only(params, strings.Fields(e.parameters)); problem != nil {
			return nil, problem, true
		}
	}
	result, problem = e.handle(s, r, params)
	return result, problem, true
}
