package secret_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/secret"
)

func TestARequestWithACachedKeyWaitsAtMostHalfASecond(t *testing.T) {
	withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], _ secret.Key) {
		m.pace = time.Hour // it hangs
		time.Sleep(6 * time.Minute)
		faulttest.RequireWithin(t, 500*time.Millisecond, func() {
			var wait sync.WaitGroup
			for range 100 {
				wait.Go(func() { requireKey(t, cache, oldKey) })
			}
			wait.Wait()
		})
		requireCalls(t, m, 2)
		for range 9 { // the next try is 10 s away
			time.Sleep(time.Second)
			faulttest.RequireWithin(t, 0, func() { requireKey(t, cache, oldKey) })
		}
		requireCalls(t, m, 2)
		time.Sleep(time.Second)
		faulttest.RequireWithin(t, 500*time.Millisecond, func() { requireKey(t, cache, oldKey) })
		requireCalls(t, m, 3)
		time.Sleep(5 * time.Second) // until the fetch gives up
	})
}

func TestASlowAnswerServesLaterRequests(t *testing.T) {
	withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], _ secret.Key) {
		m.set(newKey, false)
		m.pace = 800 * time.Millisecond
		time.Sleep(6 * time.Minute)
		faulttest.RequireWithin(t, 500*time.Millisecond, func() { requireKey(t, cache, oldKey) })
		time.Sleep(400 * time.Millisecond)
		faulttest.RequireWithin(t, 0, func() { requireKey(t, cache, newKey) })
		time.Sleep(4 * time.Minute)
		requireKey(t, cache, newKey)
		requireCalls(t, m, 2)
	})
}

func TestTheFetchOfACancelledRequestServesOthers(t *testing.T) {
	withKey(t, func(t *testing.T, m *fakeManager, cache *secret.Cache[secret.Key], _ secret.Key) {
		m.set(newKey, false)
		m.pace = 200 * time.Millisecond
		time.Sleep(6 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if key, err := cache.Get(ctx); err != nil || key.Reveal() != oldKey {
			t.Errorf("Get = %v", err)
		}
		faulttest.RequireWithin(t, 100*time.Millisecond, func() { requireKey(t, cache, newKey) })
		requireCalls(t, m, 2)
	})
}

func TestACorrectedSecretWorksAtOnce(t *testing.T) {
	for name, value := range map[string]string{
		"no key":                  "not a key",
		"a key of the other mode": "sk_" + "live_" + "0123456789",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, cache := newKeyCache(nil)
				m.set(value, false)
				if _, err := cache.Get(t.Context()); !errors.As(err, new(secret.MalformedError)) {
					t.Errorf("err = %v, want MalformedError", err)
				}
				m.set(oldKey, false)
				requireKey(t, cache, oldKey)
				requireCalls(t, m, 2)
			})
		})
	}
}

// Only one of many requests asks Secrets Manager.
func TestRequestsShareAMalformedValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, cache := newKeyCache(nil)
		m.set("not a key", false)
		m.pace = 50 * time.Millisecond
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() {
				if _, err := cache.Get(t.Context()); !errors.As(err, new(secret.MalformedError)) {
					t.Errorf("err = %v, want MalformedError", err)
				}
			})
		}
		wait.Wait()
		requireCalls(t, m, 1)
	})
}

func TestWithoutAKeyAnOutageIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, cache := newKeyCache(nil)
		m.set(oldKey, true)
		_, err := cache.Get(t.Context())
		requireUnavailable(t, err)
		m.set(oldKey, false)
		requireKey(t, cache, oldKey)
	})
}

func TestAStaleKeyIsLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written bytes.Buffer
		m := newFakeManager()
		cache := secret.NewCache(secret.Config[secret.Key]{
			Client: m, ID: "id", Parse: secret.StripeKey("api_key", false),
			Logger: slog.New(slog.NewJSONHandler(&written, nil)),
		})
		for range 4 * 60 {
			requireKey(t, cache, oldKey)
			time.Sleep(time.Second)
		}
		if written.Len() > 0 {
			t.Errorf("a healthy secret: %s", &written)
		}
		m.set(newKey, true)
		for range 6 * 60 { // the key is stale in the last five minutes, or a little longer
			requireKey(t, cache, oldKey)
			requireKey(t, cache, oldKey) // at the same moment
			time.Sleep(time.Second)
		}
		lines := strings.Split(strings.TrimSpace(written.String()), "\n")
		if len(lines) != 5 && len(lines) != 6 {
			t.Errorf("%d warnings in five minutes: %s", len(lines), &written)
		}
		var line map[string]any
		var before struct{ Time time.Time }
		if err := errors.Join(json.Unmarshal([]byte(lines[0]), &before),
			json.Unmarshal([]byte(lines[1]), &line)); err != nil {
			t.Fatal(err)
		}
		if next := before.Time.Add(time.Minute).Format(time.RFC3339Nano); line["time"] != next {
			t.Errorf("the second warning is of %v, want %s", line["time"], next)
		}
		age, _ := line["age_seconds"].(float64)
		if line["level"] != "WARN" || age < 5*60 || age > 7*60 ||
			line["error"] != "fetch the secret: secretsmanager: InternalServiceError" {
			t.Errorf("%v", line)
		}
		m.set(newKey, false)
		time.Sleep(10 * time.Second)
		written.Reset()
		for range 2 * 60 {
			requireKey(t, cache, newKey)
			time.Sleep(time.Second)
		}
		if written.Len() > 0 {
			t.Errorf("after the outage: %s", &written)
		}
	})
}
