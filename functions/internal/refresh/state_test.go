package refresh

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

var (
	start    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	errDown  = errors.New("down")
	failFast = Policy{MinBackoff: time.Second, MaxBackoff: 30 * time.Second, FailFast: true,
		NewerApart: 30 * time.Second}
	patient = Policy{MinBackoff: 10 * time.Second, MaxBackoff: 10 * time.Second, NewerApart: 10 * time.Second}
)

// held returns a value that is fresh for 10 minutes and usable for an hour.
func held(name string) *Value[string] {
	return &Value[string]{Value: name, At: start, freshUntil: start.Add(10 * time.Minute),
		usableUntil: start.Add(time.Hour)}
}

// decision writes a decision as "serve a", "fetch", "fetch or serve a" or "fail for 3s".
func decision(v *Value[string], isDue bool, err error) string {
	var backoff *BackoffError
	switch {
	case errors.As(err, &backoff) && v == nil && !isDue && errors.Is(err, errDown):
		return fmt.Sprint("fail for ", backoff.Wait)
	case err != nil:
		return "unexpected: " + err.Error()
	case isDue && v != nil:
		return fmt.Sprintf("fetch or serve %s", v.Value)
	case isDue:
		return "fetch"
	case v == nil:
		return "serve nothing"
	}
	return "serve " + v.Value
}

func TestGetDecides(t *testing.T) {
	for _, c := range []struct {
		rule     string
		policy   Policy
		held     *Value[string]
		failures int
		at       time.Duration // since start; the failures were at 0
		want     string
	}{
		{"nothing yet", failFast, nil, 0, 0, "fetch"},
		{"fresh", failFast, held("a"), 0, 10*time.Minute - 1, "serve a"},
		{"no longer fresh", failFast, held("a"), 0, 10 * time.Minute, "fetch or serve a"},
		{"usable until the last moment", failFast, held("a"), 0, time.Hour - 1, "fetch or serve a"},
		{"no longer usable", failFast, held("a"), 0, time.Hour, "fetch"},
		{"fetched in the future", failFast, held("a"), 0, -1, "fetch"},
		{"the first failure", failFast, nil, 1, 0, "fail for 1s"},
		{"the end of its back-off", failFast, nil, 1, time.Second, "fetch"},
		{"the back-off doubles", failFast, nil, 3, time.Second, "fail for 3s"},
		{"the back-off has a maximum", failFast, nil, 9, 0, "fail for 30s"},
		{"the maximum stays after many failures", failFast, nil, 2000, 0, "fail for 30s"},
		{"a failure in the future", failFast, nil, 9, -1, "fetch"},
		{"without FailFast and a value, there is no back-off", patient, nil, 3, 0, "fetch"},
		{"a failure in the future causes no back-off", patient, held("a"), 1, -1, "fetch"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := state[string]{policy: c.policy, held: c.held}
			for range c.failures {
				s.fail(request[string]{}, start, errDown)
			}
			if got := decision(s.decide(request[string]{}, start.Add(c.at))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAStaleValueServesDuringTheBackOff(t *testing.T) {
	for name, policy := range map[string]Policy{"fail fast": failFast, "patient": patient} {
		t.Run(name, func(t *testing.T) {
			s := state[string]{policy: policy, held: held("a")}
			failed := start.Add(20 * time.Minute)
			s.fail(request[string]{}, failed, errDown)
			if got := decision(s.decide(request[string]{}, failed)); got != "serve a" {
				t.Errorf("got %q", got)
			}
			if got := decision(s.decide(request[string]{}, failed.Add(policy.MinBackoff))); got != "fetch or serve a" {
				t.Errorf("after the back-off: got %q", got)
			}
		})
	}
}

func TestNewerDecides(t *testing.T) {
	old, other := held("old"), held("new")
	get, newer := request[string]{}, request[string]{isNewer: true, old: old}
	succeeds := func(r request[string]) func(*state[string]) {
		return func(s *state[string]) { s.succeed(r, old, start) }
	}
	fails := func(r request[string]) func(*state[string]) {
		return func(s *state[string]) { s.fail(r, start, errDown) }
	}
	for _, c := range []struct {
		rule   string
		policy Policy
		before func(*state[string]) // at 0
		at     time.Duration
		want   string
	}{
		{"there is already another value", failFast,
			func(s *state[string]) { s.succeed(get, other, start) }, 0, "serve new"},
		{"any fetch counts", failFast, succeeds(get), 30*time.Second - 1, "serve old"},
		{"NewerApart is over", failFast, succeeds(get), 30 * time.Second, "fetch"},
		{"a fetch in the future", failFast, succeeds(get), -1, "fetch"},
		{"while the source fails", failFast, fails(get), 10 * time.Second, "fail for 20s"},
		{"a fetch for Get does not count", patient, succeeds(get), 0, "fetch"},
		{"a failed fetch for Get does not count", patient, fails(get), 0, "fetch"},
		{"a fetch for Newer counts", patient, succeeds(newer), 10*time.Second - 1, "serve old"},
		{"a fetch for Newer counts until NewerApart is over", patient, succeeds(newer), 10 * time.Second, "fetch"},
		{"a failed fetch for Newer is shared", patient, fails(newer), 4 * time.Second, "fail for 6s"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := state[string]{policy: c.policy, held: old}
			c.before(&s)
			if got := decision(s.decide(newer, start.Add(c.at))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheBackOffAppliesToNewerToo(t *testing.T) {
	old := held("old")
	s := state[string]{policy: failFast, held: old}
	for range 9 {
		s.fail(request[string]{}, start, errDown)
	}
	s.lastFetch = start.Add(-time.Hour)
	if got := decision(s.decide(request[string]{isNewer: true, old: old},
		start.Add(time.Second))); got != "fail for 29s" {
		t.Errorf("got %q", got)
	}
}

func TestASuccessEndsTheBackOff(t *testing.T) {
	s := state[string]{policy: failFast}
	s.fail(request[string]{}, start, errDown)
	s.fail(request[string]{}, start, errDown)
	s.succeed(request[string]{}, held("a"), start)
	s.held = nil
	if got := decision(s.decide(request[string]{}, start)); got != "fetch" {
		t.Errorf("got %q", got)
	}
	s.fail(request[string]{}, start, errDown)
	if got := decision(s.decide(request[string]{}, start)); got != "fail for 1s" {
		t.Errorf("the next failure: got %q", got)
	}
}
