package faulttest

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
)

// tracked is a listener that records the connections that it accepts, and gives them to a fault of
// connections.
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

// Read implements net.Conn. It discards everything that arrives over a forgotten connection.
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

// reset ends a connection by RST instead of FIN, like a peer that does not know the connection.
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

// Drop resets every open connection, like a server that was restarted.
func (s *Server) Drop() {
	for _, c := range s.open() {
		reset(c)
	}
}

// HangUp closes every open connection by FIN, like a server that closes idle connections.
func (s *Server) HangUp() {
	for _, c := range s.open() {
		_ = c.Close()
	}
}

// Forget keeps every open connection open but never reads from it again, like a network that has
// lost the connections' state.
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

// hijack takes over the connection of a request, to send bytes that http.Server would not send. raw
// is the connection below TLS.
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
