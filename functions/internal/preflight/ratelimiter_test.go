package preflight_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"billingportal/functions/internal/preflight"
)

// everything returns checks of every kind, with a number of coupons.
func everything(s *preflight.Stripe, coupons int) []preflight.Check {
	flows := []string{"subscription_cancel"}
	checks := []preflight.Check{s.KeyAccepted(), s.MayReadProducts(), s.MayReadSubscriptions(flows),
		s.Configuration("bpc_1"), s.Account("acct_1")}
	for i := range coupons {
		checks = append(checks, s.Coupon(fmt.Sprint("COUPON", i)))
	}
	return checks
}

func statuses(findings []preflight.Finding) map[preflight.Status]int {
	counts := map[preflight.Status]int{}
	for _, finding := range findings {
		counts[finding.Status]++
	}
	return counts
}

func TestRequestsStayWithinAFifthOfStripesLimit(t *testing.T) {
	for name, test := range map[string]struct {
		livemode    bool
		limit, want int
		takes       time.Duration
		about       time.Duration
	}{
		"test mode":                    {false, 25, 5, 100 * time.Millisecond, 40 * time.Second},
		"live mode":                    {true, 100, 19, 100 * time.Millisecond, 10 * time.Second},
		"a slow network":               {false, 25, 4, 2 * time.Second, 94 * time.Second},
		"a network without delay":      {false, 25, 5, 0, 40 * time.Second},
		"a slow network, in live mode": {true, 100, 4, 2 * time.Second, 94 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stripe := &account{limit: test.limit, takes: test.takes}
				s := stripeAt(t, stripe, test.livemode)
				start := time.Now()
				findings := preflight.Run(t.Context(), everything(s, 180))
				if got := statuses(findings); got[preflight.OK] != 185 || len(got) != 1 {
					t.Errorf("%v", got)
				}
				if stripe.refused > 0 || stripe.busiest() != test.want || stripe.most > 4 {
					t.Errorf("%d refused, %d within a second, %d at a time", stripe.refused,
						stripe.busiest(), stripe.most)
				}
				if took := time.Since(start); took > test.about+time.Second || took < test.about-2*time.Second {
					t.Errorf("it took %s, want about %s", took, test.about)
				}
				if need := s.RateLimiter.Time(185); (need-test.about).Abs() > 2*time.Second &&
					test.takes < time.Second {
					t.Errorf("Time returns %s", need)
				}
			})
		})
	}
}

// Another program of the same account may use up its limit.
func TestA429HoldsTheNextRequestBack(t *testing.T) {
	for name, test := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"Retry-After":         {http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		"without Retry-After": {nil, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const first = "GET /v1/coupons/A"
				stripe := &account{answers: map[string]answer{first: {status: http.StatusTooManyRequests,
					header: test.header, times: 1, body: `{"error":{"code":"rate_limit"}}`}}}
				s := stripeAt(t, stripe, false)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if got := s.Coupon("A").Run(ctx); got.Status != preflight.OK {
					t.Errorf("%+v", got)
				}
				if got := s.Coupon("B").Run(ctx); got.Status != preflight.OK {
					t.Errorf("%+v", got)
				}
				if pause := stripe.times[1].Sub(stripe.times[0]); pause != test.want {
					t.Errorf("asked again after %s, want %s", pause, test.want)
				}
				if pause := stripe.times[2].Sub(stripe.times[1]); pause > 230*time.Millisecond {
					t.Errorf("the next one after %s", pause)
				}
			})
		})
	}
}

// A 429 for one request also stops the requests that wait for their turn.
func TestOne429HoldsAllRequestsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stripe := &account{takes: 500 * time.Millisecond, answers: map[string]answer{}}
		s := stripeAt(t, stripe, false)
		var checks []preflight.Check
		for _, id := range []string{"A", "B", "C", "D", "E", "F", "G"} {
			stripe.answers["GET /v1/coupons/"+id] = answer{status: http.StatusTooManyRequests,
				header: http.Header{"Retry-After": {"5"}}, times: 1, body: `{}`}
			checks = append(checks, s.Coupon(id))
		}
		if got := statuses(preflight.Run(t.Context(), checks)); got[preflight.OK] != 7 {
			t.Errorf("%v", got)
		}
		start := stripe.times[0]
		for _, at := range stripe.times {
			// Up to three other requests were in flight when the first 429 arrived.
			if since := at.Sub(start); since > 500*time.Millisecond && since < 5*time.Second {
				t.Errorf("a request after %s", since)
			}
		}
	})
}

// A retry is a request too.
func TestRetriesWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stripe := &account{answers: map[string]answer{}}
		s := stripeAt(t, stripe, false)
		var checks []preflight.Check
		for _, id := range []string{"A", "B", "C"} {
			stripe.answers["GET /v1/coupons/"+id] = answer{status: http.StatusInternalServerError, times: 1}
			checks = append(checks, s.Coupon(id))
		}
		if got := statuses(preflight.Run(t.Context(), checks)); got[preflight.OK] != 3 || len(stripe.times) != 6 {
			t.Errorf("%v after %d requests", got, len(stripe.times))
		}
		for i, at := range stripe.times[1:] {
			if apart := at.Sub(stripe.times[i]); apart < 220*time.Millisecond {
				t.Errorf("request %d came %s after the one before", i+1, apart)
			}
		}
	})
}

func TestAPauseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := preflight.NewRateLimiter(false, nil).Pause(ctx, time.Hour); err == nil {
		t.Error("Pause returned no error")
	}
}

func TestACheckThatIsNotFinishedInTimeIsAWarning(t *testing.T) {
	const first = "GET /v1/coupons/COUPON0"
	for name, test := range map[string]answer{
		"Stripe stays busy": {status: http.StatusTooManyRequests, body: `{"error":{"code":"rate_limit"}}`},
		"Stripe wants an hour": {status: http.StatusTooManyRequests,
			header: http.Header{"Retry-After": {"3600"}}, body: `{}`},
		"Stripe hangs": {hangs: true},
		"a lock is held for too long": {status: http.StatusConflict,
			body: `{"error":{"type":"invalid_request_error","code":"lock_timeout"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stripe := &account{answers: map[string]answer{first: test}}
				s := stripeAt(t, stripe, false)
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				defer cancel()
				start := time.Now()
				findings := preflight.Run(ctx, []preflight.Check{s.Coupon("COUPON0"), s.Coupon("COUPON1")})
				if took := time.Since(start); took > 15*time.Second {
					t.Errorf("it took %s", took)
				}
				if got := findings[0]; got.Status != preflight.Warning || got.Detail == "" || got.Advice == "" {
					t.Errorf("%+v", got)
				}
				if preflight.HasProblem(findings) {
					t.Errorf("%+v", findings)
				}
			})
		})
	}
}

// These are more checks than fit into the time.
func TestChecksWithoutATurnAreWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stripe := &account{takes: 100 * time.Millisecond}
		s := stripeAt(t, stripe, false)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		got := statuses(preflight.Run(ctx, everything(s, 60)))
		if got[preflight.OK] < 20 || got[preflight.OK]+got[preflight.Warning] != 65 {
			t.Errorf("%v", got)
		}
	})
}
