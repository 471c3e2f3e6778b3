package auth

import "time"

// fetched is one answer of the issuer. It is not changed once it is shared.
type fetched struct {
	keys  keys
	at    time.Time // when it was asked for
	until time.Time // fresh before then
}

// A purpose is what keys are wanted for.
type purpose struct {
	newerThan *fetched // the keys that did not know the token's
	prefetch  bool     // at start, for a request to come
}

// state is what a RemoteKeySet remembers. Its methods only decide and note; they
// neither wait nor fetch, so every rule about time can be read and tested here.
//
// All times are wall-clock times. Should the clock be set back, what was noted
// in the future counts for nothing, so that no state outlives its bound.
type state struct {
	held     *fetched  // nil until a fetch has succeeded
	lastTry  time.Time // start of the last fetch
	failures int       // since the last success
	retryAt  time.Time // end of the back-off
	lastErr  error     // of the last failure
}

// decide returns the keys to use or the error to give, or says that a fetch is
// due; keys beside that may be used where the fetch fails or takes long.
func (s *state) decide(p purpose, now time.Time) (held *fetched, due bool, err error) {
	if p.newerThan != nil {
		return s.decideNewer(p.newerThan, now)
	}
	if s.held != nil && !now.Before(s.held.at) && now.Before(s.held.until) {
		return s.held, false, nil
	}
	usable := s.usable(now)
	wait := s.backoff(now)
	switch {
	case wait == 0:
		return usable, true, nil
	case usable == nil:
		return nil, false, keysUnavailable(wait, s.lastErr)
	}
	return usable, false, nil
}

// decideNewer is for a token that old has no key for. While the issuer fails,
// nobody can say that such a token is invalid.
func (s *state) decideNewer(old *fetched, now time.Time) (*fetched, bool, error) {
	if s.held != old {
		return s.held, false, nil
	}
	wait := s.backoff(now)
	if since := now.Sub(s.lastTry); since >= 0 && since < cooldown {
		wait = max(wait, cooldown-since)
	}
	switch {
	case wait == 0:
		return nil, true, nil
	case s.failures > 0:
		return nil, false, keysUnavailable(wait, s.lastErr)
	}
	return old, false, nil
}

// usable returns the keys that may be used while the issuer fails or is slow.
func (s *state) usable(now time.Time) *fetched {
	if s.held != nil && !now.Before(s.held.at) && now.Before(s.held.until.Add(staleFor)) {
		return s.held
	}
	return nil
}

// backoff is how long the next fetch has to wait, 0 if it need not.
func (s *state) backoff(now time.Time) time.Duration {
	wait := s.retryAt.Sub(now)
	if s.failures == 0 || wait <= 0 || wait > maxBackoff {
		return 0
	}
	return wait
}

func (s *state) succeeded(got *fetched) {
	*s = state{held: got, lastTry: got.at}
}

// failed notes a failure; what is held stays. The wait doubles from one second.
func (s *state) failed(start, now time.Time, err error) {
	s.lastTry, s.lastErr = start, err
	s.retryAt = now.Add(min(minBackoff<<min(s.failures, 10), maxBackoff))
	s.failures++
}
