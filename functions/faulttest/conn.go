package faulttest

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
)

// tracked notes the connections that it accepts, and hands those over that a fault wants to have.
type tracked struct {
	net.Listener
	server *Server
}

// Accept implements net.Listener.
func (l *tracked) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: accepted, server: l.server}
		if fault := l.server.add(c); fault.connect != nil {
			go fault.connect(c, l.server.config.Says)
			continue
		}
		return c, nil
	}
}

func (s *Server) add(c *conn) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = true
	s.accepted++
	return s.fault
}

// conn is a connection that can be reset, or forgotten.
type conn struct {
	net.Conn
	server    *Server
	forgotten atomic.Bool
}

// Read implements net.Conn. What comes over a forgotten connection gets nowhere.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.forgotten.Load() {
			return n, err
		}
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.server.mu.Lock()
	delete(c.server.conns, c)
	c.server.mu.Unlock()
	return c.Conn.Close()
}

// reset ends a connection as a peer does that knows nothing of it: by RST, not by FIN.
func reset(c net.Conn) {
	network := c
	if own, ok := c.(*conn); ok {
		network = own.Conn
	}
	if tcp, ok := network.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// Drop resets every open connection, as a peer that was restarted.
func (s *Server) Drop() {
	for _, c := range s.open() {
		reset(c)
	}
}

// HangUp closes every open connection in order, as a peer that tidies up idle ones.
func (s *Server) HangUp() {
	for _, c := range s.open() {
		_ = c.Close()
	}
}

// Forget leaves every open connection open and never reads from it again, as a network that dropped
// their state.
func (s *Server) Forget() {
	for _, c := range s.open() {
		c.forgotten.Store(true)
	}
}

func (s *Server) open() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		open = append(open, c)
	}
	return open
}

// hijack takes the connection of a request over, for what http.Server would not send.
func hijack(w http.ResponseWriter) (whole, raw net.Conn) {
	whole, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if secured, ok := whole.(*tls.Conn); ok {
		return whole, secured.NetConn()
	}
	return whole, whole
}
