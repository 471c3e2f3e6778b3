package secret_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

func TestAHundredRefusedRequestsMakeOneFetchAndAllGetTheNewKey(t *testing.T) {
	withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], refused secret.Key) {
		m.pace = 50 * time.Millisecond
		m.set(newKey, false)
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() {
				requireRenewed(t, cache, refused)
			})
		}
		wait.Wait()
		requireCalls(t, m, 2)
		requireKey(t, cache, newKey)
		requireCalls(t, m, 2)
	})
}

func TestARefusedKeyIsFetchedAtMostOnceInTenSeconds(t *testing.T) {
	withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], refused secret.Key) {
		for time.Since(m.start) < time.Minute {
			var wait sync.WaitGroup
			for range 10 {
				wait.Go(func() {
					if key, ok, err := cache.Renewed(t.Context(), refused); ok || err != nil || key != (secret.Key{}) {
						t.Errorf("Renewed = %q, %v, %v: the key is the same", key.Reveal(), ok, err)
					}
				})
			}
			wait.Wait()
			time.Sleep(500 * time.Millisecond)
		}
		requireCalls(t, m, 1+6)
		for i := 2; i < len(m.fetches); i++ {
			if pause := m.fetches[i] - m.fetches[i-1]; pause < 10*time.Second {
				t.Errorf("two fetches %v apart", pause)
			}
		}
	})
}

func TestARequestWithAnOldKeyGetsTheNewOneWithoutAFetch(t *testing.T) {
	withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], refused secret.Key) {
		m.set(newKey, false)
		time.Sleep(6 * time.Minute)
		requireKey(t, cache, newKey)
		requireRenewed(t, cache, refused)
		requireCalls(t, m, 2)
	})
}

// While the key is unknown, Renewed returns an error instead of saying that the key is the same.
func TestAFailedRenewalIsSharedForTenSeconds(t *testing.T) {
	withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], refused secret.Key) {
		m.set(newKey, true)
		for range 10 {
			_, ok, err := cache.Renewed(t.Context(), refused)
			requireUnavailable(t, err)
			if ok {
				t.Error("Renewed returns both a key and an error")
			}
			time.Sleep(900 * time.Millisecond)
		}
		requireCalls(t, m, 2)
		requireKey(t, cache, oldKey)
		m.set(newKey, false)
		time.Sleep(time.Second)
		requireRenewed(t, cache, refused)
	})
}

func TestACancelledRenewalDoesNotAffectTheNext(t *testing.T) {
	withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], refused secret.Key) {
		m.pace = time.Second
		m.set(newKey, false)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, ok, err := cache.Renewed(ctx, refused)
		var failure *upstream.Error
		if ok || !errors.As(err, &failure) || !failure.Timeout {
			t.Errorf("Renewed = %v, %v, want a timeout", ok, err)
		}
		requireRenewed(t, cache, refused)
	})
}

func TestAKeyMayBeRotatedAgainAndBack(t *testing.T) {
	withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], current secret.Key) {
		for _, next := range []string{newKey, oldKey, newKey} {
			m.set(next, false)
			time.Sleep(11 * time.Second)
			key, ok, err := cache.Renewed(t.Context(), current)
			if err != nil || !ok || key.Reveal() != next {
				t.Fatalf("Renewed = %q, %v, %v, want %q", key.Reveal(), ok, err, next)
			}
			current = key
		}
	})
}

func requireRenewed(t *testing.T, cache *secret.Cache[secret.Key], refused secret.Key) {
	t.Helper()
	if key, ok, err := cache.Renewed(t.Context(), refused); err != nil || !ok || key.Reveal() != newKey {
		t.Errorf("Renewed = %q, %v, %v", key.Reveal(), ok, err)
	}
}
