package upstream

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const (
	// MaxConns limits the number of connections to one upstream. A Lambda function needs one; a
	// server that runs the handler shares them among its requests.
	MaxConns = 64
	// idleFor limits how long an idle connection is kept. Load balancers close idle connections
	// after about a minute.
	idleFor = 50 * time.Second
)

// Transport is the transport to one upstream. It can dial a connection before the first request
// needs it, so that TCP and TLS take no extra time in a cold start. And it never reuses a
// connection that may have died while Lambda froze the function.
type Transport struct {
	pool   *http.Transport
	dialer *aheadDialer

	mu   sync.Mutex
	used time.Time // when a request last began or ended, or zero
}

// NewTransport returns a transport without connections.
func NewTransport() *Transport {
	dialer := &aheadDialer{patience: 500 * time.Millisecond}
	return &Transport{
		pool: &http.Transport{
			Proxy:          http.ProxyFromEnvironment,
			DialContext:    dialer.dialPlain,
			DialTLSContext: dialer.dialTLS,
			// Only HTTP/1.1 is used: with one request at a time, HTTP/2 has no advantage, and a
			// lost connection costs only one request.
			MaxIdleConnsPerHost:    MaxConns,
			MaxConnsPerHost:        MaxConns,
			IdleConnTimeout:        idleFor,
			TLSHandshakeTimeout:    dialTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
		dialer: dialer,
	}
}

// DialAhead dials the host of base in the background. The first request takes the connection. If
// ctx ends before that, the connection is closed.
func (t *Transport) DialAhead(ctx context.Context, base string) { t.dialer.start(ctx, base) }

// RoundTrip implements http.RoundTripper.
//
// The pool's own timers stop while Lambda freezes the function. Afterwards, the pool would use a
// connection that the server or a machine in between has closed long ago, and the request would
// wait for an answer that cannot come.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if idle := t.touch(); idle < 0 || idle >= idleFor {
		t.pool.CloseIdleConnections()
	}
	defer t.touch()
	return t.pool.RoundTrip(r)
}

// touch records that the transport is in use, and returns how long it was not in use before.
// Concurrent requests keep it in use: the process is then not frozen, and the pool's timers run.
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

// CloseIdleConnections closes the connections that are not used by a request.
func (t *Transport) CloseIdleConnections() { t.pool.CloseIdleConnections() }
