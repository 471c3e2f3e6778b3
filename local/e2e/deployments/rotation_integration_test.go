//go:build integration

package deployments

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/runtimeapi"
)

// TestKeyRotationsUnderLoadFailNoRequest sends 50 requests a second to several bootstraps for half
// a minute while the Stripe key is rotated repeatedly. Each rotation changes the secret first. Then
// Stripe stops accepting the old key, either at once or after a while in which both keys work.
func TestKeyRotationsUnderLoadFailNoRequest(t *testing.T) {
	t.Parallel() // it mostly waits
	const (
		environments = 4
		perSecond    = 50
		duration     = 30 * time.Second
		requests     = int(duration/time.Second) * perSecond
		apart        = 11 * time.Second // a rejected key is looked up at most once in ten seconds
	)
	u := startUpstreams(t)
	path := runtimeapi.Build(t, portalPackage)
	free := make(chan *runtimeapi.Process, environments)
	for range environments {
		free <- u.start(t, path)
	}
	token, err := u.Issuer.Token("alice", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	event, err := devserver.Request{Headers: map[string]string{"Authorization": "Bearer " + token}}.Event(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	done := make(chan struct{})
	var background sync.WaitGroup
	rotations := 0
	background.Go(func() {
		timer := time.NewTimer(4 * time.Second)
		defer timer.Stop()
		for {
			select {
			case <-done:
				return
			case <-timer.C:
			}
			rotations++
			key := fmt.Sprintf("sk_test_"+"rotation%d", rotations)
			u.SecretsManager.Put(devserver.StripeSecret, key)
			if rotations%2 == 0 {
				time.Sleep(time.Second)
			}
			if err := u.Stripe.SetKeys(key); err != nil {
				t.Error(err)
			}
			timer.Reset(apart)
		}
	})

	var failed atomic.Int32
	var wait sync.WaitGroup
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	start := time.Now()
	for range requests {
		<-tick.C
		wait.Go(func() {
			process := <-free // one request at a time, as on Lambda
			defer func() { free <- process }()
			response, functionError, err := process.Invoke(t.Context(), event,
				time.Now().Add(devserver.FunctionTimeout))
			var answer struct {
				StatusCode int
				Body       string
			}
			if err != nil || functionError != nil || json.Unmarshal(response, &answer) != nil ||
				answer.StatusCode != http.StatusSeeOther {
				failed.Add(1)
				t.Errorf("%v: %v %s %+v", time.Since(start).Round(time.Millisecond), err, functionError, answer)
			}
		})
	}
	wait.Wait()
	close(done)
	background.Wait()
	calls := u.take()
	t.Logf("%d requests in %v, %d key rotations, %d failed; calls: %v", requests, time.Since(start).Round(time.Second),
		rotations, failed.Load(), calls)
	if rotations < 3 {
		t.Errorf("only %d rotations in the time of the test", rotations)
	}
	if most := requests + environments*rotations; calls["stripe"] > most {
		t.Errorf("%d Stripe calls, want at most %d: one more for each process and rotation", calls["stripe"], most)
	}
	if most := environments * (1 + rotations); calls["secretsmanager"] > most {
		t.Errorf("%d Secrets Manager calls, want at most %d", calls["secretsmanager"], most)
	}
}
