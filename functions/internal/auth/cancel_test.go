package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"billingportal/functions/faulttest"
)

// The tests of this file check the effect of one request on the next. They run under a fake clock,
// as in cache_test.go.

func TestCancelledRequestDoesNotPoisonTheNext(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		issuer.latency = time.Second
		ctx, cancel := context.WithCancel(context.Background())
		results := make(chan error)
		go func() { results <- s.verify(ctx, "a") }()
		synctest.Wait() // the first request is fetching
		others := make(chan map[string]int)
		go func() { others <- together(100, func(int) string { return s.try("a") }) }()
		synctest.Wait() // the others wait for the first
		cancel()

		err := <-results
		expect(t, "the cancelled request", outcome(err), "keys unavailable")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("its error does not say that it was cancelled: %v", err)
		}
		expect(t, "those that waited", fmt.Sprint(<-others), "map[accepted:100]")
		expect(t, "fetches", issuer.count(), "2+1")
	})
}

func TestWaitingEndsWithTheRequestsDeadline(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		issuer.setAll(hang)
		go s.try("a")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		faulttest.RequireWithin(t, 200*time.Millisecond, func() {
			if err := s.verify(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
		time.Sleep(refreshTimeout)
	})
}

// A request that gives up early does not count as a failure of the issuer. A request that waited
// for as long as one try does: otherwise a caller's short budget would hide a hang.
func TestTimeoutCountsAsFailureOnlyAfterAFullTry(t *testing.T) {
	for _, c := range []struct {
		rule   string
		budget time.Duration
		want   string
	}{
		{"the request gave up early", time.Second, "accepted"},
		{"the issuer had exactly the time of a try", tryTimeout, "keys unavailable"},
		{"the issuer had more than the time of a try", 2 * time.Second, "keys unavailable"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
				issuer.set(discoveryURL, hang)
				ctx, cancel := context.WithTimeout(context.Background(), c.budget)
				defer cancel()
				faulttest.RequireWithin(t, c.budget,
					func() { expect(t, "the request", s.tryIn(ctx, "a"), "keys unavailable") })
				issuer.set(discoveryURL, ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.String()))
				expect(t, "the next one, at once", s.try("a"), c.want)
			})
		})
	}
}

func TestPrefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer(keyA())
		issuer.latency = 100 * time.Millisecond
		k := issuer.keySet(t)
		s := over(k)
		got := together(10, func(i int) string {
			if i%2 == 0 {
				return outcome(k.Prefetch(context.Background()))
			}
			return s.try("a")
		})
		expect(t, "prefetches and requests together", fmt.Sprint(got), "map[accepted:10]")
		expect(t, "fetches", issuer.count(), "1+1")
		expect(t, "with fresh keys", outcome(k.Prefetch(context.Background())), "accepted")
		expect(t, "fetches", issuer.count(), "0+0")
	})
}

func TestFailedPrefetchDoesNotDelayTheRequest(t *testing.T) {
	for name, fault := range faults() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newFakeIssuer(keyA())
				issuer.set(keysURL, fault)
				k := issuer.keySet(t)
				faulttest.RequireWithin(t, 4*time.Second, func() {
					expect(t, "prefetch", outcome(k.Prefetch(context.Background())), "keys unavailable")
				})
				issuer.set(keysURL, ok(jwks(keyA())))
				expect(t, "the request", over(k).try("a"), "accepted")
			})
		})
	}
}

// The environment can freeze in the middle of a prefetch. When it thaws hours later, the connection
// is dead and a request waits for it.
func TestRequestBehindAFrozenPrefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer(keyA())
		issuer.set(keysURL, sequence(hang, hang, ok(jwks(keyA()))))
		k := issuer.keySet(t)
		go func() { _ = k.Prefetch(context.Background()) }()
		synctest.Wait()
		faulttest.RequireWithin(t, 4*time.Second, func() { expect(t, "the request", over(k).try("a"), "accepted") })
	})
}

// An issuer that hangs delays the first request no longer than any other, even if a prefetch is
// already running.
func TestRequestBehindAHangingPrefetch(t *testing.T) {
	for rule, address := range map[string]string{"discovery": discoveryURL, "keys": keysURL} {
		t.Run(rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newFakeIssuer(keyA())
				issuer.set(address, hang)
				k := issuer.keySet(t)
				go func() { _ = k.Prefetch(context.Background()) }()
				synctest.Wait()
				s := over(k)
				faulttest.RequireWithin(t, 4*time.Second, func() {
					err := s.verify(context.Background(), "a")
					expect(t, "the request", outcome(err), "keys unavailable")
					if errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("the request had time left: %v", err)
					}
				})
				issuer.set(discoveryURL, ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.String()))
				issuer.set(keysURL, ok(jwks(keyA())))
				expect(t, "the next one, at once", s.try("a"), "accepted")
			})
		})
	}
}

func TestPanicInTheTransportLeavesNothingLocked(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		issuer.set(keysURL, func(*http.Request) (*http.Response, error) { panic("a bug elsewhere") })
		func() {
			defer func() { _ = recover() }()
			s.try("a")
		}()
		issuer.set(keysURL, ok(jwks(keyA())))
		expect(t, "the next request", s.try("a"), "accepted")
	})
}

// If the clock is set back, keys must not stay fresh and fetches must not be blocked.
func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer(keyA())
		issuer.set(keysURL, ok(jwks(keyA()), "Cache-Control: max-age=3600"))
		var shift time.Duration
		k := newRemote(t,
			RemoteConfig{Issuer: testIssuer, Transport: issuer, Now: func() time.Time { return time.Now().Add(shift) }})
		s := over(k)
		s.try("a")
		issuer.count()
		shift = -24 * time.Hour
		s.try("a")
		expect(t, "fetches after a fetch dated tomorrow", issuer.count(), "1+1")

		shift = 0
		time.Sleep(48 * time.Hour)
		issuer.setAll(broken)
		expect(t, "a failure", s.try("a"), "keys unavailable")
		shift = -24 * time.Hour
		issuer.set(discoveryURL, ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.String()))
		issuer.set(keysURL, ok(jwks(keyA()), "Cache-Control: max-age=3600"))
		expect(t, "after a failure dated tomorrow", s.try("a"), "accepted")

		time.Sleep(30 * time.Minute) // the keys are fresh for another 30 minutes
		issuer.setAll(broken)
		expect(t, "a failure for an unknown kid", s.try("b"), "keys unavailable")
		shift -= 10 * time.Minute
		issuer.set(discoveryURL, ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.String()))
		issuer.set(keysURL, ok(jwks(keyA())))
		expect(t, "unknown kid after a failure dated in ten minutes", s.try("b"), "unknown key")
	})
}

// Half a day of requests, faults and recoveries in random order leaves no lasting state.
func TestRecoversFromEveryFault(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		for name, fault := range faults() {
			issuer.set(keysURL, fault)
			for range 5 {
				ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
				s.tryIn(ctx, "a")
				s.tryIn(ctx, "unknown")
				cancel()
				time.Sleep(13 * time.Minute)
				s.try("a")
			}
			issuer.set(keysURL, ok(jwks(keyA())))
			time.Sleep(maxBackoff)
			expect(t, "after "+name, s.try("a"), "accepted")
		}
	})
}

// Logs and errors contain only fixed texts, whatever fails: no part of the token, the address's
// query or the issuer's answer.
func TestLogsAndErrorsHoldFixedTexts(t *testing.T) {
	const secret = "MARKER"
	address := "https://issuer.example/jwks?code=" + secret
	for name, fault := range faults() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logs bytes.Buffer
				issuer := newFakeIssuer()
				issuer.set(address, func(r *http.Request) (*http.Response, error) {
					resp, err := fault(r)
					if err != nil {
						return nil, fmt.Errorf("%s %w", secret, err)
					}
					resp.Header.Set("X-"+secret, secret)
					return resp, nil
				})
				k := newRemote(t, RemoteConfig{
					JWKSURL: address, Transport: issuer,
					Logger: slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
				})
				err := over(k).verify(context.Background(), secret)
				prefetchErr := newRemote(t,
					RemoteConfig{JWKSURL: address, Transport: issuer}).Prefetch(context.Background())
				if logs.Len() == 0 || err == nil || prefetchErr == nil {
					t.Fatalf("no log line or no error: %q, %v, %v", logs.String(), err, prefetchErr)
				}
				written := logs.String() + err.Error() + prefetchErr.Error()
				for _, leak := range []string{secret, "jwks?", "issuer.example", "10.0.0.1",
					"Maintenance", "evil.example"} {
					if strings.Contains(written, leak) {
						t.Errorf("%q in %s", leak, written)
					}
				}
			})
		})
	}
}
