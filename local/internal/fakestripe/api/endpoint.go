package api

import (
	"crypto/rand"
	"io"
	"net/http"
	"strings"
)

// maxBody bounds what is read of a request, in bytes. Stripe does not document its own bound.
const maxBody = 1 << 20

// endpoint is an operation of the API: its path in Stripe's document, what a key needs for it, and
// who answers.
type endpoint struct {
	method, path string
	needs        permission
	// those that are acted on, of those in the document; "*" for all
	parameters string
	handle     func(s *API, r *http.Request, params *node) (any, *apiError) // called with the account's lock held
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

// receive gives every request an ID and a place in the record, and refuses one that is not
// authorized.
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

// run checks a request and has it answered. begun says whether it got as far as the account's
// state: only then is its answer kept for its idempotency key
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
