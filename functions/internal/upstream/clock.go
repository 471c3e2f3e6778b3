package upstream

import "time"

// WallClock returns the time that now tells, or time.Now if it is nil, without the monotonic
// reading, which stands still while Lambda freezes the function: a value or connection that is
// hours old would count as new.
func WallClock(now func() time.Time) time.Time {
	if now == nil {
		now = time.Now
	}
	return now().Round(0)
}
