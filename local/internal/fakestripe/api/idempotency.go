package api

import (
	"maps"
	"net/http"
	"net/url"
	"time"
)

// idempotencyLifetime is how long a key is stored. Stripe may remove keys after 24 hours.
const idempotencyLifetime = 24 * time.Hour

// attempt is the first use of an idempotency key.
type attempt struct {
	path      string
	form      string // the parameters, sorted
	requestID string
	created   time.Time
	answer    *answer // nil until the request is done
}

// once runs a request under its idempotency key, or returns the response of the first request with
// this key.
func (s *API) once(w http.ResponseWriter, r *http.Request, body, requestID string, run func() (*answer, bool)) *answer {
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 255 {
		return newAnswer(nil, invalid("", "", "Idempotency keys are at most 255 characters long."))
	}
	w.Header().Set("Idempotency-Key", key)

	this := &attempt{path: r.URL.Path, form: sortedForm(body), requestID: requestID, created: s.account.Now()}
	if first := s.firstUse(key, this); first != nil {
		switch {
		case first.path != this.path || first.form != this.form:
			return newAnswer(nil, &apiError{
				status: http.StatusBadRequest, Type: "idempotency_error",
				Message: "Keys for idempotent requests can only be used with the same parameters they were first " +
					"used with. Try using a key other than '" + key + "' if you meant to execute a different request.",
			})
		case first.answer == nil:
			return newAnswer(nil, &apiError{
				status: http.StatusConflict, Type: "invalid_request_error", Code: "idempotency_key_in_use",
				Message: "There is currently another in-progress request using this Idempotent Key (that probably " +
					"means you submitted twice, and the other request is still going through): " + key +
					". Please try again later.",
			})
		}
		w.Header().Set("Idempotent-Replayed", "true")
		w.Header().Set("Original-Request", first.requestID)
		return first.answer
	}

	w.Header().Set("Original-Request", requestID)
	a, begun := run()
	s.mu.Lock()
	defer s.mu.Unlock()
	if begun {
		this.answer = a
	} else {
		delete(s.attempts, key)
	}
	return a
}

// firstUse claims a key for this attempt, or returns a copy of the earlier attempt with the key. At
// most once a minute it drops expired keys.
func (s *API) firstUse(key string, this *attempt) *attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if this.created.Sub(s.forgot) >= time.Minute {
		s.forgot = this.created
		maps.DeleteFunc(s.attempts,
			func(_ string, a *attempt) bool { return this.created.Sub(a.created) > idempotencyLifetime })
	}
	if first := s.attempts[key]; first != nil && this.created.Sub(first.created) <= idempotencyLifetime {
		found := *first
		return &found
	}
	s.attempts[key] = this
	return nil
}

func sortedForm(form string) string {
	values, err := url.ParseQuery(form)
	if err != nil {
		return form
	}
	return values.Encode()
}
