package upstream

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const (
	// MaxConns bounds the connections to one upstream. A Lambda function needs one; a server that
	// runs the handler shares these among its requests.
	MaxConns = 64
	// idleFor is how long a connection is kept for a next request. Load balancers close theirs
	// after a minute or so.
	idleFor = 50 * time.Second
)

// Transport is the transport to one upstream. It can dial a connection before the first request
// needs it, so that a cold start pays for TCP and TLS while it still waits for something else; and
// it uses none that a frozen function has forgotten.
type Transport struct {
	pool   *http.Transport
	dialer *aheadDialer

	mu   sync.Mutex
	used time.Time // when a request last began or ended; zero: never
}

// NewTransport returns a transport with no connection yet.
func NewTransport() *Transport {
	dialer := &aheadDialer{patience: 500 * time.Millisecond}
	return &Transport{
		pool: &http.Transport{
			Proxy:          http.ProxyFromEnvironment,
			DialContext:    dialer.dialPlain,
			DialTLSContext: dialer.dialTLS,
			// HTTP/1.1 throughout: one request at a time has no use for streams, and
			// a lost connection costs one request.
			MaxIdleConnsPerHost:    MaxConns,
			MaxConnsPerHost:        MaxConns,
			IdleConnTimeout:        idleFor,
			TLSHandshakeTimeout:    dialTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
		dialer: dialer,
	}
}

// DialAhead dials to the host of base, in the background, for the first request to take. When ctx
// ends, a connection that nobody took is closed.
func (t *Transport) DialAhead(ctx context.Context, base string) { t.dialer.start(ctx, base) }

// RoundTrip implements http.RoundTripper.
//
// The pool's own timers stand still while Lambda freezes the function. After the thaw it would take
// a connection for idle that the other side, or what is in between, has long forgotten, and the
// request would wait for an answer that cannot come.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if idle := t.touch(); idle < 0 || idle >= idleFor {
		t.pool.CloseIdleConnections()
	}
	defer t.touch()
	return t.pool.RoundTrip(r)
}

// touch notes that the transport is in use, and returns for how long it was not. Requests that are
// under way at once keep it in use: their process is not frozen, and the pool's timers run.
func (t *Transport) touch() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := WallClock(t.dialer.now)
	if t.used.IsZero() {
		t.used = now
	}
	idle := now.Sub(t.used)
	t.used = now
	return idle
}

// CloseIdleConnections closes the connections that no request uses.
func (t *Transport) CloseIdleConnections() { t.pool.CloseIdleConnections() }
