package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// dialTimeout limits the time for a connection, and separately for the TLS handshake.
const dialTimeout = 2 * time.Second

// aheadDialer dials connections. It can dial the first one ahead, before a request needs it.
type aheadDialer struct {
	net.Dialer
	patience time.Duration    // how long a request waits for the dial ahead before it dials itself
	roots    *x509.CertPool   // nil means the system's
	now      func() time.Time // nil means time.Now

	mu    sync.Mutex
	ahead *aheadConn // nil before start, and after a request took it
}

// aheadConn is a connection that is dialled ahead. The fields after done may be read only after
// done is closed.
type aheadConn struct {
	secure  bool
	address string

	done   chan struct{}
	conn   net.Conn // nil if the dial failed
	dialed time.Time
}

// start dials the host of base ahead, in the background. It does nothing if there is a proxy,
// because requests then connect to the proxy instead. When ctx ends, the connection is closed
// unless a request has taken it.
func (d *aheadDialer) start(ctx context.Context, base string) {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" {
		return
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err != nil || proxy != nil {
		return
	}
	ahead := &aheadConn{secure: u.Scheme == "https", address: hostPort(u), done: make(chan struct{})}
	d.mu.Lock()
	d.ahead = ahead
	d.mu.Unlock()
	go func() {
		defer close(ahead.done)
		dial := d.connect
		if ahead.secure {
			dial = d.connectTLS
		}
		if conn, err := dial(ctx, "tcp", ahead.address); err == nil {
			ahead.conn, ahead.dialed = conn, WallClock(d.now)
		}
	}()
	context.AfterFunc(ctx, func() {
		if d.claim(ahead) {
			ahead.discard()
		}
	})
}

func hostPort(u *url.URL) string {
	usual := "80"
	if u.Scheme == "https" {
		usual = "443"
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), usual))
}

func (d *aheadDialer) dialPlain(ctx context.Context, network, address string) (net.Conn, error) {
	if conn := d.take(ctx, false, address); conn != nil {
		return conn, nil
	}
	return d.connect(ctx, network, address)
}

func (d *aheadDialer) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	if conn := d.take(ctx, true, address); conn != nil {
		return conn, nil
	}
	return d.connectTLS(ctx, network, address)
}

// take returns the connection that was dialled ahead, or nil. It returns it only once, and only if
// scheme and address match and the connection is young enough. If the dial is still running, take
// waits for it.
func (d *aheadDialer) take(ctx context.Context, secure bool, address string) net.Conn {
	d.mu.Lock()
	ahead := d.ahead
	d.mu.Unlock()
	if ahead == nil || ahead.secure != secure || ahead.address != address || !d.claim(ahead) {
		return nil
	}
	// Load balancers close an idle connection after about a minute, and a frozen function does not
	// notice.
	const trusted = 20 * time.Second
	patience := time.NewTimer(d.patience)
	defer patience.Stop()
	select {
	case <-ahead.done:
		if age := WallClock(d.now).Sub(ahead.dialed); ahead.conn != nil && age >= 0 && age < trusted {
			return ahead.conn
		}
	case <-patience.C:
	case <-ctx.Done():
	}
	ahead.discard()
	return nil
}

// claim reports whether the caller gets the connection that was dialled ahead. At most one caller
// does.
func (d *aheadDialer) claim(ahead *aheadConn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ahead != ahead {
		return false
	}
	d.ahead = nil
	return true
}

// discard closes the connection after the dial has ended.
func (a *aheadConn) discard() {
	go func() {
		<-a.done
		if a.conn != nil {
			_ = a.conn.Close()
		}
	}()
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
	secured := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: d.roots, MinVersion: tls.VersionTLS12})
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}
