package secret_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

const (
	oldKey = "sk_test_old0123456789"
	newKey = "sk_test_new0123456789"
)

// fakeManager is a fake Secrets Manager. Tests set its value, whether it is down, and its pace.
// These tests are about time; those in wire_test.go are about the wire.
type fakeManager struct {
	mu      sync.Mutex
	value   string
	down    bool
	pace    time.Duration // duration of a call
	fetches []time.Duration
	start   time.Time
}

func newFakeManager() *fakeManager { return &fakeManager{value: oldKey, start: time.Now()} }

// newKeyCache returns a fake Secrets Manager and a cache of its Stripe key.
func newKeyCache(now func() time.Time) (*fakeManager, *secret.Cache[secret.Key]) {
	m := newFakeManager()
	config := secret.Config[secret.Key]{Client: m, ID: "id", Parse: secret.StripeKey("api_key", false), Now: now}
	return m, secret.NewCache(config)
}

func (m *fakeManager) GetSecretValue(ctx context.Context, _ *secretsmanager.GetSecretValueInput,
	_ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	m.mu.Lock()
	m.fetches = append(m.fetches, time.Since(m.start))
	pace := m.pace
	m.mu.Unlock()
	select {
	case <-time.After(pace):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, &smithy.GenericAPIError{Code: "InternalServiceError", Message: "down"}
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: aws.String(m.value)}, nil
}

func (m *fakeManager) set(value string, down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.value, m.down = value, down
}

func (m *fakeManager) calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.fetches)
}

func requireKey(t *testing.T, cache *secret.Cache[secret.Key], want string) secret.Key {
	t.Helper()
	key, err := cache.Get(t.Context())
	if err != nil || key.Reveal() != want {
		t.Errorf("Key = %q, %v, want %q", key.Reveal(), err, want)
	}
	return key
}

// withKey runs a test in a bubble of testing/synctest, with a cache that has fetched the key of a
// fake Secrets Manager.
func withKey(t *testing.T, test func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], key secret.Key)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m, cache := newKeyCache(nil)
		test(t, m, cache, requireKey(t, cache, oldKey))
	})
}

func requireUnavailable(t *testing.T, err error) {
	t.Helper()
	var failure *upstream.Error
	if !errors.As(err, &failure) {
		t.Errorf("err = %v, want an *upstream.Error", err)
	}
}

func requireCalls(t *testing.T, m *fakeManager, want int) {
	t.Helper()
	if got := m.calls(); got != want {
		t.Errorf("%d fetches, want %d", got, want)
	}
}

func TestAKeyIsFreshForFiveMinutesLessUpToATenth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refreshed []time.Duration
		for range 20 {
			m, cache := newKeyCache(nil)
			requireKey(t, cache, oldKey)
			m.set(newKey, false)
			key := secret.Key{}
			for m.calls() == 1 {
				time.Sleep(time.Second)
				key, _ = cache.Get(t.Context())
			}
			if key.Reveal() != newKey {
				t.Errorf("Key after the refresh = %q", key.Reveal())
			}
			refreshed = append(refreshed, m.fetches[1])
		}
		slices.Sort(refreshed)
		if refreshed[0] < 4*time.Minute+30*time.Second || refreshed[19] > 5*time.Minute+time.Second {
			t.Errorf("refreshed after %v to %v", refreshed[0], refreshed[19])
		}
		if refreshed[0] == refreshed[19] {
			t.Error("twenty functions refresh at the same time")
		}
	})
}

func TestFetchedIsTheTimeOfTheCachedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, cache := newKeyCache(nil)
		if fetched := cache.Fetched(); !fetched.IsZero() {
			t.Errorf("fetched at %v, before there was a request", fetched)
		}
		requireKey(t, cache, oldKey)
		came := cache.Fetched()
		m.set(oldKey, true)
		time.Sleep(20 * time.Minute)
		requireKey(t, cache, oldKey)
		if fetched := cache.Fetched(); came.IsZero() || !fetched.Equal(came) {
			t.Errorf("fetched at %v, and at %v after a failure", came, fetched)
		}
	})
}

func TestAStaleKeyServesForAnHourWhileSecretsManagerFails(t *testing.T) {
	withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], _ secret.Key) {
		m.set(newKey, true)
		for time.Since(m.start) < time.Hour-time.Second {
			time.Sleep(time.Second)
			if time.Since(m.start) < time.Hour {
				requireKey(t, cache, oldKey)
			}
		}
		for i := 2; i < len(m.fetches); i++ {
			if pause := m.fetches[i] - m.fetches[i-1]; pause != 10*time.Second {
				t.Fatalf("two fetches %v apart while a stale key serves", pause)
			}
		}
		if last := m.fetches[len(m.fetches)-1]; last < time.Hour-10*time.Second {
			t.Errorf("no fetch after %v", last)
		}
		time.Sleep(time.Second)
		_, err := cache.Get(t.Context())
		requireUnavailable(t, err)
		m.set(newKey, false)
		requireKey(t, cache, newKey)
	})
}

func TestAMalformedValueDoesNotReplaceAKey(t *testing.T) {
	withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], _ secret.Key) {
		m.set("not a key", false)
		time.Sleep(6 * time.Minute)
		requireKey(t, cache, oldKey)
		requireCalls(t, m, 2)
		time.Sleep(time.Hour)
		if _, err := cache.Get(t.Context()); !errors.As(err, new(secret.MalformedError)) {
			t.Errorf("err = %v, want MalformedError", err)
		}
	})
}

// While Lambda freezes a function, only the wall clock moves on. And a wall clock may be set back.
func TestAgeIsMeasuredByTheWallClock(t *testing.T) {
	now := time.Now() // with a monotonic reading, like the cache's own clock
	m, cache := newKeyCache(func() time.Time { return now })
	requireKey(t, cache, oldKey)
	monotonic := now
	thawed := time.Unix(0, now.Add(2*time.Hour).UnixNano()) // only the wall clock moves on
	now = thawed
	m.set(newKey, true)
	_, err := cache.Get(t.Context())
	requireUnavailable(t, err)
	m.set(newKey, false)
	requireKey(t, cache, newKey)
	now = monotonic.Add(-24 * time.Hour)
	m.set(oldKey, false)
	requireKey(t, cache, oldKey)
	requireCalls(t, m, 4)
}

func TestAThousandFirstRequestsShareOneFetch(t *testing.T) {
	for name, down := range map[string]bool{"its success": false, "its failure": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, cache := newKeyCache(nil)
				m.pace = 100 * time.Millisecond
				m.set(oldKey, down)
				var wait sync.WaitGroup
				for range 1000 {
					wait.Go(func() {
						key, err := cache.Get(t.Context())
						if down {
							requireUnavailable(t, err)
						} else if err != nil || key.Reveal() != oldKey {
							t.Errorf("Key = %q, %v", key.Reveal(), err)
						}
					})
				}
				wait.Wait()
				requireCalls(t, m, 1)
				if took := time.Since(m.start); took != m.pace {
					t.Errorf("took %v, want the time of one fetch", took)
				}
				m.set(oldKey, false)
				requireKey(t, cache, oldKey) // later requests do not get the failure
			})
		})
	}
}

func TestACancelledRequestDoesNotAffectTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, cache := newKeyCache(nil)
		m.pace = time.Second
		cancelled, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() {
			_, err := cache.Get(cancelled)
			requireUnavailable(t, err)
		})
		synctest.Wait() // it fetches
		waiting, cancelWaiting := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancelWaiting()
		wait.Go(func() {
			_, err := cache.Get(waiting) // gives up before its turn comes
			requireUnavailable(t, err)
		})
		wait.Go(func() { requireKey(t, cache, oldKey) })
		synctest.Wait()
		time.Sleep(500 * time.Millisecond)
		cancel()
		wait.Wait()
		requireCalls(t, m, 2)
	})
}

func TestARequestWithoutTimeGetsTheCachedKey(t *testing.T) {
	for name, age := range map[string]time.Duration{"fresh": 0, "stale": 6 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], _ secret.Key) {
				time.Sleep(age)
				m.pace = time.Minute // it hangs
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				start := time.Now()
				for range 100 {
					if key, err := cache.Get(ctx); err != nil || key.Reveal() != oldKey {
						t.Fatalf("Key = %q, %v", key.Reveal(), err)
					}
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("took %v", took)
				}
				time.Sleep(5 * time.Second) // until the fetch gives up
			})
		})
	}
}

func TestPrefetch(t *testing.T) {
	t.Run("serves the request that waited for it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m, cache := newKeyCache(nil)
			m.pace = time.Second
			go func() { _ = cache.Prefetch(t.Context()) }()
			synctest.Wait()
			requireKey(t, cache, oldKey)
			requireCalls(t, m, 1)
		})
	})
	t.Run("leaves a request to try again after its failure", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m, cache := newKeyCache(nil)
			m.pace = time.Second
			m.set(oldKey, true)
			go func() {
				requireUnavailable(t, cache.Prefetch(t.Context()))
				m.set(oldKey, false)
			}()
			synctest.Wait()
			requireKey(t, cache, oldKey)
			requireCalls(t, m, 2)
		})
	})
	t.Run("does nothing if a request was faster", func(t *testing.T) {
		m, cache := newKeyCache(nil)
		requireKey(t, cache, oldKey)
		if err := cache.Prefetch(t.Context()); err != nil {
			t.Error(err)
		}
		requireCalls(t, m, 1)
	})
}
