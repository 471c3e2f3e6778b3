package devserver_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
)

// The test rotates the Stripe key under load: first the secret changes, then Stripe refuses the old
// key.
func TestKeyRotationFailsNoRequest(t *testing.T) {
	l, _ := devservertest.Start(t)
	const (
		workers = 8
		each    = 50
	)
	var answered atomic.Int32
	halfway := make(chan struct{})
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if response, body := l.Post(t, "alice", nil, nil); response.StatusCode != http.StatusSeeOther {
					t.Errorf("status = %d: %s", response.StatusCode, body)
				}
				if answered.Add(1) == workers*each/2 {
					close(halfway)
				}
			}
		})
	}
	<-halfway
	const rotated = "sk_test_" + "rotated"
	l.SecretsManager.Put(devserver.StripeSecret, rotated)
	if err := l.Stripe.SetKeys(rotated); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
