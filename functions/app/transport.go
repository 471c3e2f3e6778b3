package app

import (
	"net/http"
	"time"

	"billingportal/functions/internal/direct"
)

const (
	// maxConns bounds the connections to one upstream, and the requests that are
	// under way. A Lambda function needs one; a server that runs the handler shares
	// these among its requests.
	maxConns = 64
	// idleFor is how long a connection is kept for a next request. Load balancers
	// close theirs after a minute or so.
	idleFor = 50 * time.Second
)

// upstreamTransport is the transport to one upstream. It can dial a connection
// before the first request needs it, so that a cold start pays for TCP and TLS
// while it still waits for something else.
//
// HTTP/1.1 throughout: one request at a time has no use for streams, and a lost
// connection costs one request.
type upstreamTransport struct {
	*direct.Transport
	dialer  *aheadDialer
	proxied *http.Transport
}

func newTransport() *upstreamTransport {
	dialer := &aheadDialer{patience: aheadPatience}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &upstreamTransport{
		Transport: &direct.Transport{
			DialContext:     dialer.dialPlain,
			DialTLSContext:  dialer.dialTLS,
			MaxConns:        maxConns,
			IdleConnTimeout: idleFor,
		},
		dialer: dialer,
		proxied: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			Protocols:           protocols,
			MaxIdleConnsPerHost: maxConns,
			MaxConnsPerHost:     maxConns,
			IdleConnTimeout:     idleFor,
			TLSHandshakeTimeout: dialTimeout,
		},
	}
}

// RoundTrip implements http.RoundTripper. Where the environment names a proxy,
// net/http speaks to it.
func (t *upstreamTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if proxy, err := http.ProxyFromEnvironment(r); err != nil || proxy != nil {
		return t.proxied.RoundTrip(r)
	}
	return t.Transport.RoundTrip(r)
}
