package upstream

import "time"

// WallClock returns the time of now, or of time.Now if now is nil, without the monotonic reading.
// The monotonic clock stops while Lambda freezes the function, so that a value or connection that
// is hours old would count as new.
func WallClock(now func() time.Time) time.Time {
	if now == nil {
		now = time.Now
	}
	return now().Round(0)
}
