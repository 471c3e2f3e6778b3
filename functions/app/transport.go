package app

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	dialTimeout = 2 * time.Second
	// aheadFor is how long a connection that was dialled ahead is trusted. Load
	// balancers close an idle connection after a minute or so, and a frozen
	// function does not notice.
	aheadFor = 20 * time.Second
)

// upstreamTransport is the transport to one upstream. It can dial a connection
// before the first request needs it, so that a cold start pays for TCP and TLS
// while it still waits for something else.
type upstreamTransport struct {
	*http.Transport
	dialer aheadDialer
}

// newTransport returns a transport for requests to the host of base.
func newTransport(base string) *upstreamTransport {
	t := &upstreamTransport{dialer: aheadDialer{base: base}}
	t.Transport = &http.Transport{
		Proxy:          http.ProxyFromEnvironment,
		DialContext:    t.dialer.dialPlain,
		DialTLSContext: t.dialer.dialTLS,
		// HTTP/1.1 throughout: one request at a time has no use for streams, and
		// a lost connection costs one request.
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        50 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return t
}

// aheadDialer dials connections, the first one perhaps before it is asked for.
type aheadDialer struct {
	base string // URL; its host and port are where to dial ahead
	net.Dialer

	mu      sync.Mutex
	ahead   chan aheadConn // nil: none was dialled, or it is taken
	address string         // that ahead leads to
}

type aheadConn struct {
	net.Conn
	err    error
	dialed time.Time
}

// start dials ahead, in the background. With a proxy in between there is
// nothing to dial: its connections are not the upstream's.
func (d *aheadDialer) start(ctx context.Context) {
	u, err := url.Parse(d.base)
	if err != nil {
		return
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err != nil || proxy != nil {
		return
	}
	ready := make(chan aheadConn, 1)
	address := hostPort(u)
	d.mu.Lock()
	d.ahead, d.address = ready, address
	d.mu.Unlock()
	go func() {
		dial := d.connectTLS
		if u.Scheme == "http" {
			dial = d.connect
		}
		conn, err := dial(ctx, "tcp", address)
		ready <- aheadConn{conn, err, time.Now()}
	}()
}

func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port == "" && u.Scheme == "http":
		port = "80"
	case port == "":
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (d *aheadDialer) dialPlain(ctx context.Context, network, address string) (net.Conn, error) {
	if conn := d.take(ctx, address); conn != nil {
		return conn, nil
	}
	return d.connect(ctx, network, address)
}

func (d *aheadDialer) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	if conn := d.take(ctx, address); conn != nil {
		return conn, nil
	}
	return d.connectTLS(ctx, network, address)
}

// take returns the connection that was dialled ahead, once, if it is still good
// or will be in time.
func (d *aheadDialer) take(ctx context.Context, address string) net.Conn {
	d.mu.Lock()
	ready := d.ahead
	if ready == nil || address != d.address {
		d.mu.Unlock()
		return nil
	}
	d.ahead = nil
	d.mu.Unlock()
	select {
	case ahead := <-ready:
		if ahead.err != nil {
			return nil
		}
		if time.Since(ahead.dialed) > aheadFor {
			_ = ahead.Close()
			return nil
		}
		return ahead.Conn
	case <-ctx.Done():
		return nil
	}
}

func (d *aheadDialer) connect(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (d *aheadDialer) connectTLS(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	conn, err := d.connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	secured := tls.Client(conn, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12})
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}
