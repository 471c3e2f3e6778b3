package preflight

import (
	"context"
	"errors"
	"sync"
	"time"

	"billingportal/functions/internal/billing"
)

// RateLimiter limits the requests of all checks to a fifth of Stripe's rate limit, because the
// deployment that serves customers shares this limit. It is safe for concurrent use.
//
// https://docs.stripe.com/rate-limits
type RateLimiter struct {
	apart   time.Duration
	pause   func(ctx context.Context, d time.Duration) error
	flights chan struct{}
	turn    chan struct{} // held by the request that is sent next

	mu   sync.Mutex
	next time.Time // the earliest time of the next request
}

const (
	// The intervals are a little longer than 200 and 50 ms, because some requests take longer to
	// arrive than others.
	testApart   = 220 * time.Millisecond
	liveApart   = 55 * time.Millisecond
	maxFlights  = 4
	callTimeout = 9 * time.Second // for a request and its retries
	slowDown    = time.Second     // after a 429 without Retry-After
)

// errNoTime means that the time for all checks ended before this request's turn.
var errNoTime = errors.New("preflight: no time left")

// NewRateLimiter returns the limiter of a mode: 5 requests a second in test mode, 20 in live mode,
// 4 at a time. pause waits; nil means [billing.Pause].
func NewRateLimiter(livemode bool, pause func(ctx context.Context, d time.Duration) error) *RateLimiter {
	p := &RateLimiter{apart: testApart, pause: pause, flights: make(chan struct{}, maxFlights),
		turn: make(chan struct{}, 1)}
	if livemode {
		p.apart = liveApart
	}
	if pause == nil {
		p.pause = billing.Pause
	}
	return p
}

// Time returns the least time that a number of requests takes.
func (p *RateLimiter) Time(requests int) time.Duration { return time.Duration(requests) * p.apart }

// Pause waits for d and then for the next turn, because a retry is a request too.
func (p *RateLimiter) Pause(ctx context.Context, d time.Duration) error {
	if err := p.pause(ctx, d); err != nil {
		return err
	}
	return p.wait(ctx)
}

// do sends a request at its turn. If Stripe answers 429, do holds all requests back for as long as
// Stripe says, and then sends this one again, until ctx ends.
func (p *RateLimiter) do(ctx context.Context, send func(ctx context.Context) error) error {
	select {
	case p.flights <- struct{}{}:
		defer func() { <-p.flights }()
	case <-ctx.Done():
		return errNoTime
	}
	for {
		if p.wait(ctx) != nil {
			return errNoTime
		}
		call, cancel := context.WithTimeout(ctx, callTimeout)
		err := send(call)
		cancel()
		var failure *billing.Error
		if !errors.As(err, &failure) || failure.Class != billing.Busy {
			return err
		}
		p.hold(max(failure.RetryAfter, slowDown))
	}
}

// wait waits for the next turn and takes it.
func (p *RateLimiter) wait(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		next := p.at()
		if err := p.pause(ctx, time.Until(next)); err != nil {
			return err
		}
		if p.take(next) {
			return nil
		}
	}
}

func (p *RateLimiter) at() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next
}

// take takes the turn that begins at next. It returns false if hold has moved the turn since then.
func (p *RateLimiter) take(next time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.next.Equal(next) {
		return false
	}
	p.next = time.Now().Add(p.apart)
	return true
}

func (p *RateLimiter) hold(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.next) {
		p.next = until
	}
}
