package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"billingportal/functions/internal/upstream"
)

// Clock compares this machine's clock with the Date headers of upstreams' answers.
type Clock struct {
	Now func() time.Time // nil means time.Now

	mu            sync.Mutex
	isCompared    bool          // an answer had a date
	behind, ahead time.Duration // the greatest differences from an upstream's clock
}

// A difference of the clock of more than slightSkew is a warning, and of more than greatSkew a
// problem. Tokens have 30 s of leeway. AWS refuses signatures that differ by 5 minutes.
const (
	slightSkew = 5 * time.Second
	greatSkew  = 30 * time.Second
)

// Watch returns a transport that notes the Date header of every answer.
func (c *Clock) Watch(next http.RoundTripper) http.RoundTripper {
	return watch{c, next}
}

type watch struct {
	clock *Clock
	next  http.RoundTripper
}

func (w watch) RoundTrip(r *http.Request) (*http.Response, error) {
	start := upstream.WallClock(w.clock.Now)
	response, err := w.next.RoundTrip(r)
	if isUnreachable(r, err) {
		return nil, errUnreachable
	}
	if err != nil {
		return nil, err // unchanged, as from any transport
	}
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		w.clock.note(date, start)
	}
	return response, nil
}

// errUnreachable means that no connection was made. It hides the timeout behind it, because a
// timeout would count as a check that was not finished in time.
var errUnreachable = errors.New("preflight: no connection")

// isUnreachable reports whether dialing timed out although the check had time left. This happens in
// a VPC without a route to the internet, where packets are lost silently. It is a problem of the
// deployment.
func isUnreachable(r *http.Request, err error) bool {
	var failure *net.OpError
	return errors.As(err, &failure) && failure.Op == "dial" && failure.Timeout() && r.Context().Err() == nil
}

// note records the least possible difference between this clock and an upstream's. The upstream's
// date is in whole seconds, and was written between start and now.
func (c *Clock) note(date, start time.Time) {
	end := upstream.WallClock(c.Now)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCompared = true
	c.behind = max(c.behind, date.Sub(end))
	c.ahead = max(c.ahead, start.Sub(date.Add(time.Second)))
}

// Check compares the clock with the dates that the answers to the other checks had.
func (c *Clock) Check() Check {
	return Check{Name: "clock", last: true, Run: func(context.Context) Finding {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.compared()
	}}
}

func (c *Clock) compared() Finding {
	const advice = "Correct this machine's clock: tokens and signatures depend on it. In Lambda, AWS sets the clock."
	worst, direction := max(c.behind, c.ahead), "behind"
	if worst != c.behind {
		direction = "ahead"
	}
	detail := fmt.Sprintf("it is %d seconds %s", int(worst.Seconds()), direction)
	switch {
	case !c.isCompared:
		return Finding{} // no upstream answered; other checks report that
	case worst > greatSkew:
		return problem(detail, advice)
	case worst > slightSkew:
		return warning(detail, advice)
	}
	return ok(fmt.Sprintf("it is within %d seconds of the upstreams' clocks", int(slightSkew.Seconds())))
}
