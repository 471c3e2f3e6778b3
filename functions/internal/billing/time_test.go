package billing_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"billingportal/functions/faulttest"
	"billingportal/functions/internal/billing"
)

// pipes is a network in memory, which works with simulated time.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.connections:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.closed) // the server closes its listener once
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.connections <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// simulate runs a test in simulated time, against a server that gives the answers. The client waits
// between tries as it does in production.
func simulate(t *testing.T, test func(t *testing.T, server *stripeServer, client *billing.Client),
	answers ...http.HandlerFunc) {
	t.Helper()
	warmUp(t)
	synctest.Test(t, func(t *testing.T) {
		network := pipes{make(chan net.Conn), make(chan struct{})}
		handler := &stripeServer{answers: answers}
		server := &http.Server{Handler: handler, ErrorLog: discardLog()}
		go func() { _ = server.Serve(network) }()
		transport := &http.Transport{DialContext: network.dial}
		config := newConfig("http://stripe.test")
		config.Transport = transport
		config.Pause = nil
		test(t, handler, billing.New(config))
		transport.CloseIdleConnections()
		_ = server.Close()
		time.Sleep(time.Second) // until the handlers notice
	})
}

// warmUp makes stripe-go run uname, which it does once, outside simulated time.
func warmUp(t *testing.T) {
	t.Helper()
	_, client := newStripe(t, goodSession)
	if _, err := create(t, client); err != nil {
		t.Fatal(err)
	}
}

func TestAHangIsATimeout(t *testing.T) {
	for name, test := range map[string]struct {
		budget   time.Duration // 0: none
		answers  []http.HandlerFunc
		want     billing.Class
		attempts int
		took     time.Duration
	}{
		"without a deadline: three tries of four seconds": {0, []http.HandlerFunc{faulttest.Hang().ServeHTTP},
			billing.Timeout, 3, 12*time.Second + 600*time.Millisecond},
		"within the budget of a request": {10 * time.Second,
			[]http.HandlerFunc{faulttest.Hang().ServeHTTP}, billing.Timeout, 3, 10 * time.Second},
		"one hang takes four seconds": {10 * time.Second,
			[]http.HandlerFunc{faulttest.Hang().ServeHTTP, goodSession}, 0, 2, 4*time.Second + 200*time.Millisecond},
		"the key in use after a hang": {10 * time.Second,
			[]http.HandlerFunc{faulttest.Hang().ServeHTTP, stripeError(409, keyInUse), goodSession}, 0, 3,
			4*time.Second + 600*time.Millisecond},
		"a slow drip is a hang": {10 * time.Second,
			[]http.HandlerFunc{faulttest.Drip().ServeHTTP}, billing.Timeout, 3, 10 * time.Second},
		"no retry without time for its pause": {4*time.Second + 100*time.Millisecond,
			[]http.HandlerFunc{faulttest.Hang().ServeHTTP}, billing.Timeout, 1, 4 * time.Second},
		"a budget shorter than a try": {time.Second,
			[]http.HandlerFunc{faulttest.Hang().ServeHTTP}, billing.Timeout, 1, time.Second},
		"no wait beyond the deadline": {100 * time.Millisecond,
			[]http.HandlerFunc{stripeError(500, serverError)}, billing.Unavailable, 1, 0},
		"no wait beyond the deadline, lock timeout": {500 * time.Millisecond,
			[]http.HandlerFunc{stripeError(409, lockTimeout)}, billing.Busy, 2, 200 * time.Millisecond},
		"a server error and then a hang": {3 * time.Second,
			[]http.HandlerFunc{stripeError(500, serverError), faulttest.Hang().ServeHTTP},
			billing.Timeout, 2, 3 * time.Second},
		"a hang in the last try is a timeout": {9 * time.Second,
			[]http.HandlerFunc{faulttest.Hang().ServeHTTP, stripeError(500, serverError), faulttest.Hang().ServeHTTP},
			billing.Timeout, 3, 4*time.Second + 600*time.Millisecond + 4*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, server *stripeServer, client *billing.Client) {
				ctx := t.Context()
				if test.budget > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.budget)
					defer cancel()
				}
				start := time.Now()
				_, err := client.CreateSession(ctx, apiKey, sessionParams())
				if took := time.Since(start); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				failure := requireClass(t, err, test.want)
				if err != nil && failure.Calls.Attempts != test.attempts || len(server.seen()) != test.attempts {
					t.Errorf("%d requests, want %d", len(server.seen()), test.attempts)
				}
				if len(server.idempotencyKeys()) != 1 {
					t.Error("the tries have more than one idempotency key")
				}
			}, test.answers...)
		})
	}
}

func TestCancelledCallReturnsAtOnce(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"in a try":      faulttest.Hang().ServeHTTP,
		"between tries": stripeError(500, serverError),
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, server *stripeServer, client *billing.Client) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(100*time.Millisecond, cancel)
				start := time.Now()
				_, err := client.CreateSession(ctx, apiKey, sessionParams())
				var failure *billing.Error
				if !errors.As(err, &failure) {
					t.Fatalf("err = %v", err)
				}
				if took := time.Since(start); took != 100*time.Millisecond || len(server.seen()) != 1 {
					t.Errorf("took %v and %d requests", took, len(server.seen()))
				}
			}, answer)
		})
	}
	t.Run("before the first try", func(t *testing.T) {
		server, client := newStripe(t, goodSession)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := client.CreateSession(ctx, apiKey, sessionParams())
		requireClass(t, err, billing.Timeout)
		if len(server.seen()) != 0 {
			t.Error("a request was sent")
		}
	})
}

func TestAHealthyRequestFollowsAHang(t *testing.T) {
	simulate(t, func(t *testing.T, server *stripeServer, client *billing.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.CreateSession(ctx, apiKey, sessionParams())
		requireClass(t, err, billing.Timeout)
		if _, err := create(t, client); err != nil {
			t.Error(err)
		}
		if len(server.idempotencyKeys()) != 2 {
			t.Error("the second request has the key of the first")
		}
	}, faulttest.Hang().ServeHTTP, goodSession)
}
