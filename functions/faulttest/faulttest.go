// Package faulttest serves upstreams that go wrong, at the wire: ports that refuse, connections
// that are reset or forgotten, answers that never come, drip, are cut short, are too large, or are
// somebody else's. It is for the tests of functions and of local, and no program may import it.
//
// A [Server] is healthy until it is told to [Server.Break], and again after [Server.Heal], always
// at the same address, so that a process that was started with that address lives through both. A
// fault of answers is also an http.Handler, for a test that plays answers one after the other.
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

// Config is what a server is made of.
type Config struct {
	// Healthy answers while nothing is wrong.
	Healthy http.Handler
	// Authority makes the server speak TLS, with certificates of this authority; nil means plain
	// HTTP.
	Authority *Authority
	// Says is what a fault puts wherever an answer has room for text, after which it repeats the
	// caller's credentials.
	Says string
}

// Server is an HTTP server on a loopback port. It is safe for concurrent use.
type Server struct {
	// URL is where it is, without a slash at the end.
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

// Request is what a server noted of a request, also of one that it went wrong on.
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

// Start starts a server on a port of its own.
func Start(config Config) (*Server, error) {
	address, vacate, err := holdPort()
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + address, config: config, address: address, vacate: vacate, conns: map[*conn]bool{}}
	if config.Authority != nil {
		s.URL = "https://" + address
	}
	// A slow client is the test's own.
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ErrorLog: log.New(io.Discard, "", 0)} //nolint:gosec
	if err := s.listen(); err != nil {
		vacate()
		return nil, err
	}
	return s, nil
}

// NewServer starts a server for the time of a test. Every answer of the handler carries the
// [Marker] in a header.
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

// Broken starts a server, for the time of a test, that goes wrong in one way.
func Broken(t testing.TB, fault Fault) *Server {
	t.Helper()
	s := NewServer(t, nil)
	s.Break(fault)
	return s
}

// Close ends all connections and gives the port back.
func (s *Server) Close() {
	s.mu.Lock()
	s.stopListening()
	s.mu.Unlock()
	s.Drop()
	s.vacate()
}

// Break makes everything go wrong in one way from now on. Where the fault is one of connections,
// those that are open are reset; any other fault meets the connections that a client kept.
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

// Requests is the number of requests since the last Take.
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

// Met reports whether anybody has tried to reach the server since the last Take: a request where
// there were any, or a connection where it is connections that go wrong.
func (s *Server) Met() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault.connect != nil || s.fault.certificate != nil {
		return s.accepted > 0
	}
	return len(s.requests) > 0
}

// listen is called by Start and with the lock held.
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
	go func() { _ = s.http.Serve(served) }() // until it is closed
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
