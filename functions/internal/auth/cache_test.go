package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"billingportal/functions/faulttest"
)

// The tests of this file run under a fake clock. Counts are "documents+keys": requests for the
// configuration document and requests for the key set.

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// together runs f in n goroutines at once and counts their results.
func together(n int, f func(i int) string) map[string]int {
	var mu sync.Mutex
	outcomes := map[string]int{}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			got := f(i)
			mu.Lock()
			defer mu.Unlock()
			outcomes[got]++
		})
	}
	wg.Wait()
	return outcomes
}

func TestColdStartFetchesOnce(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		issuer.latency = 200 * time.Millisecond
		got := together(1000, func(int) string { return s.try("a") })
		expect(t, "1,000 concurrent first requests", fmt.Sprint(got), "map[accepted:1000]")
		expect(t, "fetches", issuer.count(), "1+1")
		expect(t, "a later request", s.try("a"), "accepted")
		expect(t, "fetches later", issuer.count(), "0+0")
	})
}

func TestFetchIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer(keyA(), keyB(), keyA().with(m{"use": "enc"}))
		var logs bytes.Buffer
		s := over(newRemote(t,
			RemoteConfig{Issuer: testIssuer, Transport: issuer, Logger: slog.New(slog.NewTextHandler(&logs, nil))}))
		expect(t, "a request", s.try("a"), "accepted")
		if want := `msg="fetched the issuer's keys" usable=2 skipped=1 fresh_seconds=600`; !strings.Contains(
			logs.String(), want) {
			t.Errorf("logged %s, want %s", logs.String(), want)
		}
	})
}

func TestKeySetURLNeedsNoDiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer(keyA())
		s := over(newRemote(t, RemoteConfig{JWKSURL: keysURL, Transport: issuer}))
		expect(t, "a request", s.try("a"), "accepted")
		expect(t, "fetches", issuer.count(), "0+1")
	})
}

func TestRefusedWithoutKeyCostsNoFetch(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		s.Now = func() time.Time { return now }
		for _, c := range []string{
			"", "a.b.c",
			es256("a", goodClaims().with(m{"iss": "https://other.example"})),
			es256("a", goodClaims().with(m{"aud": "other-app"})),
			es256("a", goodClaims().with(m{"exp": 1})),
			issue(`{"alg":"HS256"}`, goodClaims().String(), "HS256", hmacKey()),
		} {
			if _, err := s.Verify(context.Background(), c); err == nil {
				t.Errorf("accepted %q", c)
			}
		}
		expect(t, "fetches", issuer.count(), "0+0")
	})
}

func TestUnknownKidFetchesOnceIn30Seconds(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		issuer.latency = 50 * time.Millisecond
		unknown := func(i int) string { return s.try(fmt.Sprint("unknown-", i)) }
		refused := "map[unknown key:1000]"

		expect(t, "1,000 unknown kids, cold", fmt.Sprint(together(1000, unknown)), refused)
		expect(t, "fetches, cold", issuer.count(), "1+1")
		time.Sleep(29 * time.Second)
		expect(t, "1,000 unknown kids after 29 s", fmt.Sprint(together(1000, unknown)), refused)
		expect(t, "fetches after 29 s", issuer.count(), "0+0")
		time.Sleep(2 * time.Second)
		expect(t, "1,000 unknown kids after 31 s", fmt.Sprint(together(1000, unknown)), refused)
		expect(t, "fetches after 31 s", issuer.count(), "1+1")
		for range 100 { // one a second
			time.Sleep(time.Second)
			unknown(0)
		}
		expect(t, "fetches in another 100 s", issuer.count(), "3+3")
	})
}

func TestBadSignatureCostsNoFetch(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		s.try("a")
		issuer.count()
		time.Sleep(5 * time.Minute)
		for range 50 {
			expect(t, "under a known kid", s.forge("a"), "bad signature")
		}
		expect(t, "fetches for 50 under a known kid", issuer.count(), "0+0")
		// Without a kid the key may have changed, so the keys are fetched as for an unknown kid.
		for range 50 {
			expect(t, "without a kid", s.forge(""), "bad signature")
		}
		expect(t, "fetches for 50 without a kid", issuer.count(), "1+1")
	})
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer(keyB())
		s := over(issuer.keySet(t))
		expect(t, "a kid before it exists", s.try("a"), "unknown key")
		issuer.count()

		issuer.set(keysURL, ok(jwks(keyA())))
		time.Sleep(29 * time.Second)
		expect(t, "a new kid within the cooldown", s.try("a"), "unknown key")
		expect(t, "fetches", issuer.count(), "0+0")
		time.Sleep(time.Second)
		expect(t, "a new kid outside the cooldown", s.try("a"), "accepted")
		expect(t, "fetches", issuer.count(), "1+1")
		expect(t, "the kid that was removed", s.forge("b"), "unknown key")

		issuer.set(keysURL, ok(jwks(keyB())))
		time.Sleep(10*time.Minute - time.Second)
		expect(t, "a removed kid within the freshness time", s.try("a"), "accepted")
		time.Sleep(time.Second)
		expect(t, "a removed kid after it", s.try("a"), "unknown key")
	})
}

func TestRotationOfAKeyWithoutKid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer(jwk(ec256B(), nil))
		s := over(issuer.keySet(t))
		expect(t, "before", s.try(""), "bad signature")
		issuer.set(keysURL, ok(jwks(jwk(ec256(), nil))))
		time.Sleep(cooldown)
		expect(t, "after", s.try(""), "accepted")
	})
}

func TestFreshness(t *testing.T) {
	for _, c := range []struct {
		cacheControl string
		want         time.Duration
	}{
		{"", 10 * time.Minute},
		{"public", 10 * time.Minute},
		{"no-store", 10 * time.Minute},
		{"max-age=120", 2 * time.Minute},
		{"public, max-age=120, must-revalidate", 2 * time.Minute},
		{"Max-Age=120", 2 * time.Minute},
		{`max-age="120"`, 2 * time.Minute},
		{"s-maxage=5, max-age=120", 2 * time.Minute},
		{"max-age=59", time.Minute},
		{"max-age=0", time.Minute},
		{"max-age=-1", time.Minute},
		{"max-age=", time.Minute},
		{"max-age=1.5", time.Minute},
		{"max-age=x", time.Minute},
		{"max-age=3600", time.Hour},
		{"max-age=3601", time.Hour},
		{"max-age=1e12", time.Minute}, // not a number of seconds
		{"max-age=1000000000000", time.Hour},
		{"max-age=99999999999999999999999", time.Hour},
	} {
		t.Run(c.cacheControl, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newFakeIssuer()
				issuer.set(keysURL, ok(jwks(keyA()), "Cache-Control: "+c.cacheControl))
				s := over(newRemote(t, RemoteConfig{JWKSURL: keysURL, Transport: issuer}))
				s.try("a")
				time.Sleep(c.want - time.Second)
				s.try("a")
				expect(t, "fetches while fresh", issuer.count(), "0+1")
				time.Sleep(time.Second)
				s.try("a")
				expect(t, "fetches after", issuer.count(), "0+1")
			})
		})
	}
}

// faults are the ways in which an issuer can fail.
func faults() map[string]answer {
	return map[string]answer{
		"refused":              broken,
		"hang":                 hang,
		"slow drip":            drip(jwks(keyA()), 100*time.Millisecond),
		"cut short":            cutShort(`{"keys":[`),
		"400":                  status(400, "{}"),
		"401":                  status(401, "{}"),
		"403":                  status(403, "{}"),
		"404":                  status(404, "not here"),
		"429":                  status(429, "", "Retry-After: 3600"),
		"500":                  status(500, "oops"),
		"503":                  status(503, ""),
		"204":                  status(204, ""),
		"301":                  status(301, "", "Location: https://evil.example/"),
		"302 to itself":        status(302, "", "Location: "+keysURL),
		"HTML":                 ok("<!doctype html><title>Maintenance</title>"),
		"nothing":              ok(""),
		"null":                 ok("null"),
		"10 MB":                ok(`{"keys":[],"x":"` + string(make([]byte, 10_000_000)) + `"}`),
		"a set without a key":  ok(jwks()),
		"a set with a bad key": ok(jwks(m{"kty": "oct", "k": "AAAA"})),
	}
}

func TestIssuerDownCold(t *testing.T) {
	for name, fault := range faults() {
		t.Run(name, func(t *testing.T) {
			withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
				issuer.setAll(fault)
				faulttest.RequireWithin(t, 4*time.Second, func() {
					got := together(100, func(int) string { return s.try("a") })
					expect(t, "100 requests", fmt.Sprint(got), "map[keys unavailable:100]")
				})
				var unavailable *KeysUnavailableError
				if !errors.As(s.verify(context.Background(), "a"), &unavailable) {
					t.Fatal("not *KeysUnavailableError")
				}
				expect(t, "Retry-After", unavailable.RetryAfter.String(), "1s")
				if errors.Is(unavailable, context.DeadlineExceeded) {
					t.Error("the issuer's failure looks like the request's own deadline")
				}
				// Only the keys fail.
				issuer.set(discoveryURL, ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.String()))
				time.Sleep(time.Minute)
				faulttest.RequireWithin(t, 4*time.Second,
					func() { expect(t, "only the keys fail", s.try("a"), "keys unavailable") })

				issuer.set(keysURL, ok(jwks(keyA())))
				time.Sleep(unavailable.RetryAfter * 2)
				expect(t, "the next healthy request", s.try("a"), "accepted")
			})
		})
	}
}

func TestFailuresBackOff(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		issuer.setAll(status(404, ""))
		start := time.Now()
		var attempts []int
		for range 2000 { // ten a second
			s.try("a")
			if issuer.count() != "0+0" {
				attempts = append(attempts, int(time.Since(start)/time.Second))
			}
			time.Sleep(100 * time.Millisecond)
		}
		expect(t, "attempts at", fmt.Sprint(attempts), "[0 1 3 7 15 31 61 91 121 151 181]")
		issuer.set(discoveryURL, ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.String()))
		issuer.set(keysURL, ok(jwks(keyA())))
		time.Sleep(30 * time.Second)
		expect(t, "after recovery", s.try("a"), "accepted")
		issuer.setAll(status(404, ""))
		time.Sleep(10*time.Minute + 2*time.Hour)
		s.try("a")
		issuer.count()
		time.Sleep(time.Second)
		s.try("a")
		expect(t, "the back-off starts again", issuer.count(), "1+0")
	})
}

func TestIssuerDownWarm(t *testing.T) {
	for name, fault := range faults() {
		t.Run(name, func(t *testing.T) {
			withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
				fetched := time.Now()
				s.try("a")
				issuer.setAll(fault)
				until := fetched.Add(10*time.Minute + 2*time.Hour)
				for time.Now().Add(time.Minute + time.Second).Before(until) {
					time.Sleep(time.Minute)
					faulttest.RequireWithin(t, 500*time.Millisecond,
						func() { expect(t, "stale", s.try("a"), "accepted") })
				}
				expect(t, "a bad signature", s.forge("a"), "bad signature")
				expect(t, "an unknown kid is not called invalid", s.try("new"), "keys unavailable")
				time.Sleep(time.Until(until))
				faulttest.RequireWithin(t, 4*time.Second,
					func() { expect(t, "after 2 h", s.try("a"), "keys unavailable") })

				issuer.set(discoveryURL, ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.String()))
				issuer.set(keysURL, ok(jwks(keyA())))
				time.Sleep(maxBackoff)
				expect(t, "after recovery", s.try("a"), "accepted")
			})
		})
	}
}

func TestStaleKeysServeAtOnceDuringAnotherFetch(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		s.try("a")
		issuer.setAll(hang)
		time.Sleep(20 * time.Minute)
		s.try("a") // finds out that the issuer fails
		time.Sleep(time.Minute)
		var waited atomic.Int64
		got := together(100, func(int) string {
			start := time.Now()
			defer func() { waited.Add(int64(time.Since(start))) }()
			return s.try("a")
		})
		expect(t, "100 requests", fmt.Sprint(got), "map[accepted:100]")
		expect(t, "waiting time of all requests", time.Duration(waited.Load()).String(), "500ms")
		time.Sleep(refreshTimeout) // the fetch ends
	})
}

// If the issuer answers at normal speed, a withdrawn key is not accepted while the fetch runs.
func TestWithdrawnKeyIsNotServedDuringTheFetch(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		s.try("a")
		issuer.set(keysURL, ok(jwks(keyB())))
		issuer.latency = 200 * time.Millisecond // for each of two documents
		time.Sleep(10 * time.Minute)
		got := together(100, func(int) string { return s.try("a") })
		expect(t, "100 requests", fmt.Sprint(got), "map[unknown key:100]")
	})
}

// A request with usable cached keys waits at most half a second, and the keys of a slow issuer are
// still used when they arrive.
func TestSlowIssuerDelaysRequestsByAtMostHalfASecond(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		s.try("a")
		issuer.count()
		issuer.set(keysURL, ok(jwks(keyA(), keyB())))
		issuer.latency = time.Second // for each of two documents
		time.Sleep(10 * time.Minute)
		faulttest.RequireWithin(t, 500*time.Millisecond, func() {
			got := together(100, func(int) string { return s.try("a") })
			expect(t, "100 requests", fmt.Sprint(got), "map[accepted:100]")
		})
		faulttest.RequireWithin(t, 0, func() { expect(t, "while the fetch continues", s.try("a"), "accepted") })
		time.Sleep(2 * time.Second)
		faulttest.RequireWithin(t, 0, func() { expect(t, "a key of the set that came late", s.forge("b"), "accepted") })
		expect(t, "fetches", issuer.count(), "1+1")
	})
}

// A request that gives up does not count as a failure of the issuer.
func TestRequestGivenUpWhileKeysAreCached(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		s.try("a")
		issuer.count()
		issuer.latency = 200 * time.Millisecond
		time.Sleep(10 * time.Minute)
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		expect(t, "given up", outcome(s.verify(ctx, "a")), "accepted")
		faulttest.RequireWithin(t, 400*time.Millisecond, func() { expect(t, "the next one", s.try("a"), "accepted") })
		expect(t, "fetches", issuer.count(), "1+1")
	})
}

func TestSetWithoutUsableKeyDoesNotReplaceKeys(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		s.try("a")
		issuer.set(keysURL, ok(jwks(m{"kty": "oct", "k": "AAAA"}), "Cache-Control: max-age=3600"))
		time.Sleep(time.Hour)
		expect(t, "an hour later", s.try("a"), "accepted")
	})
}

func TestUnusableKeysAreSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer(m{"kty": "oct", "k": "AAAA", "kid": "a"}, keyA(),
			m{"kty": "RSA", "n": "AQ", "e": "AQ", "kid": "a"})
		expect(t, "a good key among bad ones", over(issuer.keySet(t)).try("a"), "accepted")
	})
}

func TestUnknownKidWhileTheIssuerFailsIsNotInvalid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer(keyB())
		s := over(issuer.keySet(t))
		s.forge("b")
		issuer.setAll(status(404, ""))
		time.Sleep(time.Minute)
		expect(t, "fresh keys, the fetch for the kid fails", s.try("a"), "keys unavailable")
		expect(t, "again at once", s.try("a"), "keys unavailable")
		expect(t, "fetches", issuer.count(), "2+1")
		expect(t, "known kids meanwhile", s.forge("b"), "accepted")
		for _, rest := range []string{"30s", "20s", "10s"} {
			var unavailable *KeysUnavailableError
			if err := s.verify(context.Background(), "a"); !errors.As(err, &unavailable) {
				t.Fatal(err)
			}
			expect(t, "Retry-After is the rest of the cooldown", unavailable.RetryAfter.String(), rest)
			time.Sleep(10 * time.Second)
		}
	})
}

func TestFreeze(t *testing.T) {
	withIssuer(t, func(t *testing.T, issuer *fakeIssuer, s subject) {
		s.try("a")
		issuer.count()
		time.Sleep(9 * time.Hour)
		expect(t, "after 9 hours", s.try("a"), "accepted")
		expect(t, "fetches", issuer.count(), "1+1")

		issuer.setAll(sequence(hang, broken)) // the connection died meanwhile
		time.Sleep(9 * time.Hour)
		faulttest.RequireWithin(t, 4*time.Second,
			func() { expect(t, "issuer down after the freeze", s.try("a"), "keys unavailable") })
		issuer.set(discoveryURL, ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.String()))
		issuer.set(keysURL, ok(jwks(keyA())))
		time.Sleep(time.Second)
		expect(t, "the next request", s.try("a"), "accepted")
	})
}
