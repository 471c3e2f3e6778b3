package app

import (
	"time"

	"billingportal/functions/internal/direct"
)

// upstreamTransport is the transport to one upstream. It can dial a connection
// before the first request needs it, so that a cold start pays for TCP and TLS
// while it still waits for something else.
type upstreamTransport struct {
	*direct.Transport
	dialer *aheadDialer
}

func newTransport() *upstreamTransport {
	dialer := &aheadDialer{patience: aheadPatience}
	return &upstreamTransport{
		Transport: &direct.Transport{
			DialContext:     dialer.dialPlain,
			DialTLSContext:  dialer.dialTLS,
			MaxConns:        64,
			IdleConnTimeout: 50 * time.Second,
		},
		dialer: dialer,
	}
}
