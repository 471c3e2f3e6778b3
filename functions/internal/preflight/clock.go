package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Clock compares this machine's clock with what upstreams say in their answers.
type Clock struct {
	Now func() time.Time // nil means time.Now

	mu   sync.Mutex
	ends map[string]time.Duration // how far upstreams are ahead, at most
}

// How far a clock may be off. Tokens get 30 s, and AWS refuses signatures of 5 minutes.
const (
	slightSkew = 5 * time.Second
	greatSkew  = 30 * time.Second
)

// Watch is a transport that looks at the Date of the answers of an upstream.
func (c *Clock) Watch(upstream string, next http.RoundTripper) http.RoundTripper {
	return watch{c, upstream, next}
}

type watch struct {
	clock    *Clock
	upstream string
	next     http.RoundTripper
}

func (w watch) RoundTrip(r *http.Request) (*http.Response, error) {
	start := w.clock.now()
	response, err := w.next.RoundTrip(r)
	if isUnreachable(r, err) {
		return nil, errUnreachable
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // a transport adds nothing
	}
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		w.clock.note(w.upstream, date, start)
	}
	return response, nil
}

// errUnreachable hides a timeout, because a timeout counts as a check that came too late.
var errUnreachable = errors.New("preflight: no connection")

// isUnreachable reports whether dialing timed out although the check had time left: in a VPC without a route to the internet, packets are
// lost silently. That is a problem of the deployment.
func isUnreachable(r *http.Request, err error) bool {
	var failure *net.OpError
	return errors.As(err, &failure) && failure.Op == "dial" && failure.Timeout() && r.Context().Err() == nil
}

func (c *Clock) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// note keeps how far an upstream's clock is from ours, at least: its date has whole seconds, and was written between start and now.
func (c *Clock) note(upstream string, date, start time.Time) {
	var ahead time.Duration
	if end := c.now(); date.After(end) {
		ahead = date.Sub(end)
	} else if date.Add(time.Second).Before(start) {
		ahead = date.Add(time.Second).Sub(start)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ends == nil {
		c.ends = map[string]time.Duration{}
	}
	if before, seen := c.ends[upstream]; !seen || ahead.Abs() > before.Abs() {
		c.ends[upstream] = ahead
	}
}

// Check compares with what was seen in the answers to the other checks.
func (c *Clock) Check() Check {
	return Check{Name: "clock", last: true, Run: func(context.Context) Finding {
		c.mu.Lock()
		defer c.mu.Unlock()
		return compared(c.ends)
	}}
}

func compared(skews map[string]time.Duration) Finding {
	var worst time.Duration
	for _, ahead := range skews {
		if ahead.Abs() > worst.Abs() {
			worst = ahead
		}
	}
	const advice = "Set this machine's clock: tokens and signatures depend on it. In Lambda, AWS keeps it."
	direction := "behind"
	if worst < 0 {
		direction = "ahead"
	}
	detail := fmt.Sprintf("it is %d seconds %s", int(worst.Abs().Seconds()), direction)
	switch {
	case len(skews) == 0:
		return Finding{} // nobody answered, which others say
	case worst.Abs() > greatSkew:
		return problem(detail, advice)
	case worst.Abs() > slightSkew:
		return warning(detail, advice)
	}
	return ok("it agrees with the upstreams' to the second")
}
