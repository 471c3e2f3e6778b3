package billing

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
)

// observation is what one try looked like on the wire. stripe-go folds a refused
// connection, a cut body and a page of HTML into errors that differ only in
// their text.
type observation struct {
	status     int    // 0: there was no answer
	requestID  string // Stripe's ID of the request, or ""
	retry      string // Stripe-Should-Retry: "true", "false" or ""
	retryAfter string // Retry-After as sent
	broken     error  // why there was no answer, or not the whole of it
	afterLoss  bool   // an earlier try with the same idempotency key was broken
}

type observationKey struct{}

func withObservation(ctx context.Context, o *observation) context.Context {
	return context.WithValue(ctx, observationKey{}, o)
}

// requestIDPattern keeps a header that is not Stripe's out of the logs.
var requestIDPattern = regexp.MustCompile(`^req_[A-Za-z0-9]+$`)

const maxRequestIDLength = 68

// observer fills in the observation of a request's context, and bounds the
// answer's size.
type observer struct{ next http.RoundTripper }

func (t *observer) RoundTrip(r *http.Request) (*http.Response, error) {
	o, ok := r.Context().Value(observationKey{}).(*observation)
	if !ok {
		return t.next.RoundTrip(r)
	}
	// A request with an idempotency key is sent again by net/http itself when a
	// connection is lost, uncounted and without a pause, unless its body cannot
	// be had again. Tries are counted here.
	r = r.WithContext(r.Context()) // a copy: the request is the caller's
	r.GetBody = nil
	response, err := t.next.RoundTrip(r)
	if err != nil {
		o.broken = err
		return nil, err
	}
	o.status = response.StatusCode
	if id := response.Header.Get("Request-Id"); len(id) <= maxRequestIDLength && requestIDPattern.MatchString(id) {
		o.requestID = id
	}
	o.retry = response.Header.Get("Stripe-Should-Retry")
	o.retryAfter = response.Header.Get("Retry-After")
	response.Body = &observedBody{ReadCloser: response.Body, left: maxAnswerSize, observed: o}
	return response, nil
}

type observedBody struct {
	io.ReadCloser
	left     int64
	observed *observation
}

func (b *observedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		err = errTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.observed.broken = err
	}
	return n, err
}
