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

// Clock compares this machine's clock with what upstreams say in their answers.
type Clock struct {
	Now func() time.Time // nil means time.Now

	mu            sync.Mutex
	isCompared    bool          // an upstream's date was seen
	behind, ahead time.Duration // of an upstream, the most that was seen
}

// How far a clock may be off. Tokens get 30 s, and AWS refuses signatures of 5 minutes.
const (
	slightSkew = 5 * time.Second
	greatSkew  = 30 * time.Second
)

// Watch is a transport that looks at the Date of an upstream's answers.
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
		return nil, err // a transport adds nothing
	}
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		w.clock.note(date, start)
	}
	return response, nil
}

// errUnreachable means that no connection was made. It hides a timeout, because a timeout counts as
// a check that came too late.
var errUnreachable = errors.New("preflight: no connection")

// isUnreachable reports whether dialing timed out although the check had time left: in a VPC
// without a route to the internet, packets are lost silently. That is a problem of the deployment.
func isUnreachable(r *http.Request, err error) bool {
	var failure *net.OpError
	return errors.As(err, &failure) && failure.Op == "dial" && failure.Timeout() && r.Context().Err() == nil
}

// note keeps how far our clock is from an upstream's, at least: its date has whole seconds, and was
// written between start and now.
func (c *Clock) note(date, start time.Time) {
	end := upstream.WallClock(c.Now)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCompared = true
	c.behind = max(c.behind, date.Sub(end))
	c.ahead = max(c.ahead, start.Sub(date.Add(time.Second)))
}

// Check compares the clock with the dates of the answers to the other checks.
func (c *Clock) Check() Check {
	return Check{Name: "clock", last: true, Run: func(context.Context) Finding {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.compared()
	}}
}

func (c *Clock) compared() Finding {
	const advice = "Set this machine's clock: tokens and signatures depend on it. In Lambda, AWS keeps it."
	worst, direction := max(c.behind, c.ahead), "behind"
	if worst != c.behind {
		direction = "ahead"
	}
	detail := fmt.Sprintf("it is %d seconds %s", int(worst.Seconds()), direction)
	switch {
	case !c.isCompared:
		return Finding{} // no upstream answered, which other checks report
	case worst > greatSkew:
		return problem(detail, advice)
	case worst > slightSkew:
		return warning(detail, advice)
	}
	return ok("it agrees with the upstreams' to the second")
}
