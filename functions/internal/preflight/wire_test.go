package preflight_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/preflight"
	"billingportal/functions/internal/secret"
)

// wire is a network in memory, so that servers and clients run in synctest's time.
type wire struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case conn := <-w.conns:
		return conn, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

func (w *wire) Addr() net.Addr { return &net.TCPAddr{} }

// serve starts an HTTP server and returns a transport that reaches it under any host name. The
// server stops at the end of the test.
func serve(t *testing.T, handler http.Handler) http.RoundTripper {
	t.Helper()
	w := &wire{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Hour}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		here, there := net.Pipe()
		select {
		case w.conns <- there:
			return here, nil
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), here.Close(), there.Close())
		}
	}}
	go func() { _ = server.Serve(w) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	return transport
}

// account stands in for Stripe. Every answer is that of a healthy account, unless a test changes
// it.
type account struct {
	requests []string // method and path with query, in order of arrival
	answers  map[string]answer

	mu       sync.Mutex
	times    []time.Time
	limit    int           // requests per second; 0 means no limit
	refused  int           // number of requests beyond the limit
	takes    time.Duration // duration of each request
	inFlight int
	most     int // greatest number of concurrent requests
}

type answer struct {
	status int
	body   string
	header http.Header
	times  int // 1: for the first request only; 0: always
	hangs  bool
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	given := a.arrive(r)
	defer a.leave()
	time.Sleep(a.takes)
	if given.hangs {
		<-r.Context().Done()
		return
	}
	for name, values := range given.header {
		w.Header()[name] = values
	}
	w.WriteHeader(given.status)
	_, _ = io.WriteString(w, given.body)
}

func (a *account) arrive(r *http.Request) answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inFlight++
	a.most = max(a.most, a.inFlight)
	now := time.Now()
	a.times = append(a.times, now)
	r.URL.RawQuery = r.URL.Query().Encode() // in order
	request := r.Method + " " + r.URL.RequestURI()
	a.requests = append(a.requests, request)
	if a.limit > 0 && a.within(time.Second, now) > a.limit {
		a.refused++
		return answer{status: http.StatusTooManyRequests,
			body: `{"error":{"type":"invalid_request_error","code":"rate_limit","message":"MARKERx7Q"}}`}
	}
	given, found := a.answers[request]
	if !found {
		given = answer{status: http.StatusOK, body: `{"id":"x","active":true,"valid":true,"data":[]}`}
	} else if given.times == 1 {
		delete(a.answers, request)
	}
	return given
}

func (a *account) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inFlight--
}

// within counts the requests in the period of length d that ends at a moment.
func (a *account) within(d time.Duration, moment time.Time) int {
	n := 0
	for _, at := range a.times {
		if !at.After(moment) && moment.Sub(at) < d {
			n++
		}
	}
	return n
}

// busiest returns the greatest number of requests in any second.
func (a *account) busiest() int {
	busiest := 0
	for _, at := range a.times {
		busiest = max(busiest, a.within(time.Second, at))
	}
	return busiest
}

const testKey = "sk_test_" + "preflight"

type keys struct{ err error }

func (k keys) Get(context.Context) (secret.Key, error) {
	if k.err != nil {
		return secret.Key{}, k.err
	}
	value, _ := json.Marshal(map[string]string{"api_key": testKey})
	return secret.StripeKey("api_key", false)(string(value))
}

// stripeAt returns a Stripe that asks the account at the rate of a mode.
func stripeAt(t *testing.T, a *account, livemode bool) *preflight.Stripe {
	t.Helper()
	limiter := preflight.NewRateLimiter(livemode, nil)
	return &preflight.Stripe{Keys: keys{}, RateLimiter: limiter, API: billing.New(billing.Config{
		APIBase: "http://stripe.example", PortalHosts: []string{"billing.stripe.com"},
		Transport: serve(t, a), Pause: limiter.Pause,
	})}
}
