package network

import (
	"net"
	"sync"
	"time"
)

// conn delays writes. Reads and their deadlines are those of the connection.
type conn struct {
	net.Conn
	roundTrip time.Duration
	alarm     alarm
	flights   chan flight
	gone      chan struct{} // closed when the connection stops sending

	mu     sync.Mutex
	due    time.Time // when the last flight arrives; zero: nothing was sent
	closed bool
}

// flight is data that arrives together. A flight without data ends the connection.
type flight struct {
	data []byte
	due  time.Time
}

// inFlight is the number of writes that may be in flight before the next one waits.
const inFlight = 64

func newConn(c net.Conn, roundTrip time.Duration) (net.Conn, error) {
	alarm, err := newAlarm()
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	delayed := &conn{Conn: c, roundTrip: roundTrip, alarm: alarm, flights: make(chan flight, inFlight),
		gone: make(chan struct{})}
	go delayed.deliver()
	return delayed, nil
}

// Write sends p with a delay. If the client is gone, a later write returns the error.
func (c *conn) Write(p []byte) (int, error) {
	data := append([]byte(nil), p...)
	if err := c.send(data); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close closes the connection after all written data has arrived.
func (c *conn) Close() error {
	_ = c.send(nil)
	return nil
}

func (c *conn) send(data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = data == nil
	c.due = arrival(time.Now(), c.due, c.roundTrip)
	select {
	case c.flights <- flight{data, c.due}:
		return nil
	case <-c.gone:
		return net.ErrClosed
	}
}

// arrival returns when a flight that is sent now arrives: after one round trip, or two for the
// first flight, and never before the flight that was sent before it.
func arrival(now, last time.Time, roundTrip time.Duration) time.Time {
	if last.IsZero() {
		return now.Add(2 * roundTrip)
	}
	if due := now.Add(roundTrip); due.After(last) {
		return due
	}
	return last
}

func (c *conn) deliver() {
	defer c.alarm.stop()
	defer c.Conn.Close()
	defer close(c.gone)
	for f := range c.flights {
		c.alarm.sleepUntil(f.due)
		if f.data == nil {
			return
		}
		if _, err := c.Conn.Write(f.data); err != nil {
			return
		}
	}
}
