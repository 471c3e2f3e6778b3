package refresh

import "time"

// BackoffError means that the source failed and is not asked again yet.
type BackoffError struct {
	Wait time.Duration // until it is
	Err  error         // of the last fetch
}

func (e *BackoffError) Error() string { return e.Err.Error() }
func (e *BackoffError) Unwrap() error { return e.Err }

// GivenUpError means that the caller's context ended before there was a value.
type GivenUpError struct {
	Err        error // of the fetch, or the context's cause
	WasWaiting bool  // for another caller's fetch
}

func (e *GivenUpError) Error() string { return e.Err.Error() }
func (e *GivenUpError) Unwrap() error { return e.Err }
