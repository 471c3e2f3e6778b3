// Package network puts a distance between a server on this machine and its clients: every turn that
// a client waits for costs it one round trip.
//
// The server's answers are what is held back, each for the whole round trip; what a client sends
// arrives at once. A client cannot tell that from half of it each way. The TCP handshake, which the
// kernel completes at once, is charged to the first answer. So a request on an open connection
// costs one round trip, and the first one over TLS 1.3 costs three. Names need no resolving,
// bandwidth has no limit, and nothing is lost.
package network

import (
	"net"
	"sync/atomic"
	"time"
)

// Listener accepts connections that have to come a long way.
type Listener struct {
	net.Listener
	roundTrip time.Duration
	accepted  atomic.Int64
}

// Distant returns a listener whose clients are a round trip away.
func Distant(listener net.Listener, roundTrip time.Duration) *Listener {
	return &Listener{Listener: listener, roundTrip: roundTrip}
}

// Accepted is the number of connections so far.
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
