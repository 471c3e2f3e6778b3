package billing

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
)

// An observation records one try as seen on the wire. stripe-go turns a refused connection, a cut
// body and an HTML page into errors that differ only in their text.
type observation struct {
	status     int    // 0 if there was no answer
	requestID  string // Stripe's ID of the request, or ""
	retry      string // Stripe-Should-Retry: "true", "false" or ""
	retryAfter string // Retry-After as sent
	broken     error  // the reason for a missing or incomplete answer
	afterLoss  bool   // an earlier try with the same idempotency key was broken
}

type observationKey struct{}

func withObservation(ctx context.Context, o *observation) context.Context {
	return context.WithValue(ctx, observationKey{}, o)
}

// requestIDPattern keeps a header that does not come from Stripe out of the logs.
var requestIDPattern = regexp.MustCompile(`^req_[A-Za-z0-9]+$`)

const maxRequestIDLength = 68

// An observer fills in the observation of a request's context, and limits the answer's size.
type observer struct{ next http.RoundTripper }

func (t *observer) RoundTrip(r *http.Request) (*http.Response, error) {
	o, ok := r.Context().Value(observationKey{}).(*observation)
	if !ok {
		return t.next.RoundTrip(r)
	}
	// When a connection is lost, net/http resends a request that has an idempotency key, uncounted
	// and without a pause, if it can read the body again. Without GetBody it cannot, so every try
	// is counted here.
	r = r.WithContext(r.Context()) // a copy, because the request belongs to the caller
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
