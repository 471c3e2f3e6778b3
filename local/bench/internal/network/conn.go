package network

import (
	"net"
	"sync"
	"time"
)

// conn holds back what is written to it. Reads and their deadlines are the connection's own.
type conn struct {
	net.Conn
	roundTrip time.Duration
	alarm     alarm
	flights   chan flight
	gone      chan struct{} // closed when nothing more is sent

	mu     sync.Mutex
	due    time.Time // when the last flight arrives; zero: none was sent
	closed bool
}

// flight is what arrives together. One without data is the end.
type flight struct {
	data []byte
	due  time.Time
}

// inFlight is how many writes may be under way before the next one waits.
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

// Write sends p on its way. That the client is gone is noticed by the write after.
func (c *conn) Write(p []byte) (int, error) {
	data := append([]byte(nil), p...)
	if err := c.send(data); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close closes the connection once all that was written has arrived.
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

// arrival is when a flight arrives that is sent now: after one round trip, or two for the first,
// and never before the flight ahead of it.
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
