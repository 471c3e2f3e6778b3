package app

import (
	"net/http"
	"time"
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
type upstreamTransport struct {
	*http.Transport
	dialer *aheadDialer
}

func newTransport() *upstreamTransport {
	dialer := &aheadDialer{patience: aheadPatience}
	return &upstreamTransport{
		Transport: &http.Transport{
			Proxy:          http.ProxyFromEnvironment,
			DialContext:    dialer.dialPlain,
			DialTLSContext: dialer.dialTLS,
			// HTTP/1.1 throughout: one request at a time has no use for streams, and
			// a lost connection costs one request.
			MaxIdleConnsPerHost:    maxConns,
			MaxConnsPerHost:        maxConns,
			IdleConnTimeout:        idleFor,
			TLSHandshakeTimeout:    dialTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
		dialer: dialer,
	}
}
