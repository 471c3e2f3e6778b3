// Package network simulates distance between a server on this machine and its clients: each time a
// client waits for the server costs one round trip.
//
// Only the data that the server sends is delayed, for the whole round trip. The data that a client
// sends arrives at once. To a client this looks the same as a delay of half a round trip in each
// direction. The kernel completes the TCP handshake at once, so its round trip is added to the
// first response. A request on an open connection therefore costs one round trip, and the first
// request over TLS 1.3 costs three. Name resolution takes no time, bandwidth is unlimited, and no
// packets are lost.
package network

import (
	"net"
	"sync/atomic"
	"time"
)

// Listener accepts connections from clients that are a round trip away.
type Listener struct {
	net.Listener
	roundTrip time.Duration
	accepted  atomic.Int64
}

// Distant returns a listener whose clients are a round trip away.
func Distant(listener net.Listener, roundTrip time.Duration) *Listener {
	return &Listener{Listener: listener, roundTrip: roundTrip}
}

// Accepted returns the number of connections accepted so far.
func (l *Listener) Accepted() int { return int(l.accepted.Load()) }

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.accepted.Add(1)
	if l.roundTrip == 0 {
		return c, nil
	}
	return newConn(c, l.roundTrip)
}
