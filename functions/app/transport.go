package app

import (
	"net/http"
	"time"
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
			MaxIdleConnsPerHost:    8,
			IdleConnTimeout:        50 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		dialer: dialer,
	}
}
