package refresh

import "time"

// A Value is one answer of the source. It does not change once it is shared.
type Value[V any] struct {
	Value       V
	At          time.Time // when it was asked for
	freshUntil  time.Time
	usableUntil time.Time
}

// A request is what a caller wants.
type request[V any] struct {
	isPrefetch bool      // at start, for callers to come
	isNewer    bool      // a value that replaces old
	old        *Value[V] // nil: there was none
}

// state is what a Cache remembers. Its methods only decide and record; they neither
// wait nor fetch, so every rule about time can be read and tested here.
//
// All times are wall-clock times. If the clock is set back, a time in the future counts
// for nothing, so that no state outlives its bound.
type state[V any] struct {
	policy    Policy
	held      *Value[V] // nil until a fetch has succeeded
	lastFetch time.Time // when the last one ended
	lastNewer time.Time // when the last one for Newer ended
	failures  int       // since the last success
	failed    int       // since the start
	retryAt   time.Time // end of the back-off
	lastErr   error     // of the last failure
}

// decide returns the value to use or the error to give, or says that a fetch is due;
// a value beside that may be used if the fetch fails or takes long.
func (s *state[V]) decide(r request[V], now time.Time) (held *Value[V], isDue bool, err error) {
	if r.isNewer {
		return s.decideNewer(r.old, now)
	}
	if s.held != nil && !now.Before(s.held.At) && now.Before(s.held.freshUntil) {
		return s.held, false, nil
	}
	usable, wait := s.usable(now), s.backoff(now)
	switch {
	case wait == 0, usable == nil && !s.policy.FailFast:
		return usable, true, nil
	case usable == nil:
		return nil, false, &BackoffError{Wait: wait, Err: s.lastErr}
	}
	return usable, false, nil
}

// decideNewer is for a caller that old does not serve. While the source fails, it is
// not said that there is nothing newer.
func (s *state[V]) decideNewer(old *Value[V], now time.Time) (*Value[V], bool, error) {
	if s.held != old {
		return s.held, false, nil
	}
	last := s.lastNewer
	var wait time.Duration
	if s.policy.FailFast {
		last, wait = s.lastFetch, s.backoff(now)
	}
	if since := now.Sub(last); !last.IsZero() && since >= 0 && since < s.policy.NewerApart {
		wait = max(wait, s.policy.NewerApart-since)
	}
	switch {
	case wait == 0:
		return nil, true, nil
	case s.failures > 0:
		return nil, false, &BackoffError{Wait: wait, Err: s.lastErr}
	}
	return old, false, nil
}

// usable returns the value that may be used while the source fails or is slow.
func (s *state[V]) usable(now time.Time) *Value[V] {
	if s.held != nil && !now.Before(s.held.At) && now.Before(s.held.usableUntil) {
		return s.held
	}
	return nil
}

// backoff is how long the next fetch has to wait, 0 if it need not.
func (s *state[V]) backoff(now time.Time) time.Duration {
	wait := s.retryAt.Sub(now)
	if s.failures == 0 || wait <= 0 || wait > s.policy.MaxBackoff {
		return 0
	}
	return wait
}

func (s *state[V]) succeed(r request[V], got *Value[V], now time.Time) {
	s.held, s.failures, s.lastErr = got, 0, nil
	s.ended(r, now)
}

// fail records a failure and keeps the value. The wait doubles with each failure.
func (s *state[V]) fail(r request[V], now time.Time, err error) {
	s.retryAt, s.lastErr = now.Add(min(s.policy.MinBackoff<<min(s.failures, 10), s.policy.MaxBackoff)), err
	s.failures++
	s.failed++
	s.ended(r, now)
}

func (s *state[V]) ended(r request[V], now time.Time) {
	s.lastFetch = now
	if r.isNewer {
		s.lastNewer = now
	}
}
