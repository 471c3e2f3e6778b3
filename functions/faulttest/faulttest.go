// Package faulttest provides HTTP servers that fail at the wire. They refuse or reset connections,
// never answer, answer slowly, partly or with too much data, or send another server's answer. It is
// for tests; programs must not import it.
//
// A [Server] is healthy until [Server.Break], and again after [Server.Heal]. Its address stays the
// same, so that a process under test can live through both. A fault of answers is also an
// http.Handler, for tests that choose each answer themselves.
package faulttest

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
)

// Config describes a server.
type Config struct {
	// Healthy answers requests while the server is healthy.
	Healthy http.Handler
	// Authority issues the server's TLS certificates. nil means plain HTTP.
	Authority *Authority
	// Says is the text that a fault puts into every part of an answer that can contain text. The
	// caller's credentials follow it.
	Says string
}

// Server is an HTTP server on a loopback port. It is safe for concurrent use.
type Server struct {
	// URL is the server's URL, without a slash at the end.
	URL string

	config  Config
	http    *http.Server
	address string
	vacate  func()

	mu       sync.Mutex
	fault    Fault
	listener net.Listener // nil while connections are refused
	conns    map[*conn]bool
	accepted int
	requests []Request
}

// Request has the recorded parts of a request. Requests that fail are recorded too.
type Request struct {
	Method, Path   string
	Authorization  string
	IdempotencyKey string
}

func newRequest(r *http.Request) Request {
	return Request{
		Method:         r.Method,
		Path:           r.URL.Path,
		Authorization:  r.Header.Get("Authorization"),
		IdempotencyKey: r.Header.Get("Idempotency-Key"),
	}
}

// Start starts a server on a free port.
func Start(config Config) (*Server, error) {
	address, vacate, err := holdPort()
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + address, config: config, address: address, vacate: vacate, conns: map[*conn]bool{}}
	if config.Authority != nil {
		s.URL = "https://" + address
	}
	// No timeouts are set: only the test itself connects.
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ErrorLog: log.New(io.Discard, "", 0)} //nolint:gosec
	if err := s.listen(); err != nil {
		vacate()
		return nil, err
	}
	return s, nil
}

// NewServer starts a server that stops at the end of the test. Every healthy answer has the
// [Marker] in a header field.
func NewServer(t testing.TB, healthy http.HandlerFunc) *Server {
	t.Helper()
	s, err := Start(Config{Says: Marker, Healthy: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Marker", Marker)
		healthy(w, r)
	})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Broken starts a server with a fault. The server stops at the end of the test.
func Broken(t testing.TB, fault Fault) *Server {
	t.Helper()
	s := NewServer(t, nil)
	s.Break(fault)
	return s
}

// Close ends all connections and frees the port.
func (s *Server) Close() {
	s.mu.Lock()
	s.stopListening()
	s.mu.Unlock()
	s.Drop()
	s.vacate()
}

// Break gives the server a fault from now on. A fault of connections also resets the open
// connections. A fault of answers keeps them, so that clients meet it over connections that they
// have kept.
func (s *Server) Break(fault Fault) {
	s.mu.Lock()
	s.fault = fault
	if fault.refuse {
		s.stopListening()
	}
	s.mu.Unlock()
	if fault.refuse || fault.connect != nil || fault.certificate != nil {
		s.Drop()
	}
}

// Heal makes the server healthy.
func (s *Server) Heal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = Fault{}
	if s.listener != nil {
		return nil
	}
	return s.listen()
}

// Requests returns the number of requests since the last Take.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// Take returns the requests and the number of connections since the last Take.
func (s *Server) Take() (requests []Request, connections int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, connections = s.requests, s.accepted
	s.requests, s.accepted = nil, 0
	return requests, connections
}

// Met reports whether a client has met the server since the last Take: by a connection if the
// server has a fault of connections, or else by a request.
func (s *Server) Met() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault.connect != nil || s.fault.certificate != nil {
		return s.accepted > 0
	}
	return len(s.requests) > 0
}

// listen begins to accept connections. The caller must hold the lock, except in Start.
func (s *Server) listen() error {
	listener, err := listenOn(s.address)
	if err != nil {
		return err
	}
	s.listener = &tracked{listener, s}
	served := s.listener
	if s.config.Authority != nil {
		served = tls.NewListener(served, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate})
	}
	go func() { _ = s.http.Serve(served) }() // returns when served is closed
	return nil
}

func (s *Server) stopListening() {
	if s.listener != nil {
		_ = s.listener.Close()
		s.listener = nil
	}
}

func (s *Server) current() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

func (s *Server) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if show := s.current().certificate; show != nil {
		return show(s.config.Authority), nil
	}
	return s.config.Authority.trusted, nil
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, newRequest(r))
	answer := s.fault.answer
	s.mu.Unlock()
	if answer == nil {
		s.config.Healthy.ServeHTTP(w, r)
		return
	}
	says := s.config.Says + " " + r.Header.Get("Authorization") + " " + r.Header.Get("X-Amz-Security-Token")
	for _, name := range []string{"X-Marker", "Server", "Request-Id", "X-Amzn-Requestid", "Www-Authenticate",
		"Set-Cookie", "Trailer-Text"} {
		w.Header().Set(name, says)
	}
	answer(w, r, exchange{healthy: s.config.Healthy, says: says})
}
