// Package direct is an HTTP/1.1 client for small requests to one host, one at a
// time for the most part: what a Lambda function has.
//
// A [Transport] writes a request and reads its answer in the goroutine that asked
// for it. net/http's own has two goroutines for each connection, and every
// request wakes them in turn: on the way of a warm request of the portal that
// was a fifth of all its CPU time.
//
// A connection that has waited for the next request is looked at before it is
// used: while Lambda freezes a function, servers close their end; and what a
// server sends unasked must not be taken for the next answer. A request on a
// connection whose loss nobody has noticed yet fails, and it is for the caller to
// try again.
//
// Limits, beside those of [http.RoundTripper]: a request is written whole before
// its answer is read, so its body should be small; there is no proxy, no
// HTTP/2, no Expect: 100-continue, no upgrade, and no compression that the
// request does not ask for itself.
package direct

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

const (
	maxHeaderSize = 64 << 10 // bytes of an answer before its body
	maxInterim    = 5        // answers of the class 1xx before the answer
)

var (
	errHeaderTooLarge = errors.New("direct: the answer's header is too large")
	errInterim        = errors.New("direct: interim answers without an end, or another protocol")
	errScheme         = errors.New("direct: neither http nor https")
)

// Dial opens a connection to host:port.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Transport implements [http.RoundTripper]. It is safe for concurrent use.
type Transport struct {
	// DialContext and DialTLSContext open connections for http and https.
	DialContext, DialTLSContext Dial
	// MaxConns bounds the connections; a request that finds none waits for one. 0
	// is no bound.
	MaxConns int
	// IdleConnTimeout is how long a connection waits for its next request by the
	// wall clock: a frozen function's other one stands still.
	IdleConnTimeout time.Duration

	pool pool
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.roundTrip(r)
	if err != nil && r.Body != nil {
		_ = r.Body.Close() // a second time does no harm
	}
	return response, err
}

func (t *Transport) roundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c, err := t.obtain(ctx, r)
	if err != nil {
		return nil, err
	}
	// The end of the context ends whatever the connection is doing.
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	response, err := c.exchange(r)
	if err != nil {
		stop()
		t.pool.discard(c)
		return nil, because(ctx, err)
	}
	answer := &body{ReadCloser: response.Body, ctx: ctx, finish: func(whole bool) {
		if !stop() || !whole || response.Close || r.Close {
			t.pool.discard(c)
			return
		}
		t.pool.put(c, t.IdleConnTimeout)
	}}
	if response.Body == http.NoBody {
		answer.end(true)
	}
	response.Body = answer
	return response, nil
}

// because returns the context's error where that is why a connection failed.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// obtain returns a connection for a request: one that is idle and good, or a new one.
func (t *Transport) obtain(ctx context.Context, r *http.Request) (*conn, error) {
	dial, port := t.DialTLSContext, "443"
	switch r.URL.Scheme {
	case "https":
	case "http":
		dial, port = t.DialContext, "80"
	default:
		return nil, errScheme
	}
	if r.URL.Port() != "" {
		port = r.URL.Port()
	}
	to := destination{r.URL.Scheme, net.JoinHostPort(r.URL.Hostname(), port)}
	c, err := t.pool.take(ctx, to, t.MaxConns, t.IdleConnTimeout)
	if c != nil || err != nil {
		return c, err
	}
	opened, err := dial(ctx, "tcp", to.address)
	if err != nil {
		t.pool.leave()
		return nil, because(ctx, err)
	}
	return newConn(to, opened), nil
}

// CloseIdleConnections closes what waits for a next request.
func (t *Transport) CloseIdleConnections() { t.pool.closeIdle() }
