package refresh

import "time"

// A Value is one answer of the source. It does not change once it is shared.
type Value[V any] struct {
	Value       V
	At          time.Time // when the fetch began
	freshUntil  time.Time
	usableUntil time.Time
}

// A request describes the value that a caller wants.
type request[V any] struct {
	isPrefetch bool      // for later callers
	isNewer    bool      // a value that replaces old
	old        *Value[V] // nil means that the caller had no value
}

// state is the state of a Cache. Its methods only decide and record. They neither wait nor fetch,
// so that every rule about time can be read and tested here.
//
// All times are wall-clock times. If the clock is set back, times in the future are ignored, so
// that no state outlives its limit.
type state[V any] struct {
	policy    Policy
	held      *Value[V] // nil until a fetch has succeeded
	lastFetch time.Time // end of the last fetch
	lastNewer time.Time // end of the last fetch for Newer
	failures  int       // number of failures since the last success
	failed    int       // number of failures since the start
	retryAt   time.Time // end of the back-off
	lastErr   error     // of the last failure
}

// decide returns the value or the error for the caller, or reports that a fetch is due. If it then
// also returns a value, that value may be used if the fetch fails or takes long.
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

// decideNewer decides for a caller that cannot use old. While the source fails, it returns an
// error, because it is unknown whether there is a newer value.
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

// backoff returns how long the next fetch must wait, or 0.
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

// fail records a failure and keeps the value. The back-off doubles with each failure.
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
