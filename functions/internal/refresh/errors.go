package refresh

import "time"

// BackoffError means that the source has failed and will not be asked again yet.
type BackoffError struct {
	Wait time.Duration // until the source may be asked again
	Err  error         // of the last fetch
}

func (e *BackoffError) Error() string { return e.Err.Error() }
func (e *BackoffError) Unwrap() error { return e.Err }

// GivenUpError means that the caller's context ended before there was a value.
type GivenUpError struct {
	Err        error // the fetch's error or, if WasWaiting, the context's cause
	WasWaiting bool  // the caller was waiting for another caller's fetch
}

func (e *GivenUpError) Error() string { return e.Err.Error() }
func (e *GivenUpError) Unwrap() error { return e.Err }
