package direct

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// server counts its connections, and tells when one is closed.
type server struct {
	*httptest.Server
	opened atomic.Int32
	closed chan struct{}
}

func newServer(t *testing.T, secure bool, handler http.HandlerFunc) *server {
	t.Helper()
	s := &server{closed: make(chan struct{}, 100)}
	s.Server = httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.opened.Add(1)
		case http.StateClosed:
			s.closed <- struct{}{}
		}
	}
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func (s *server) transport(t *testing.T) *Transport {
	roots := x509.NewCertPool()
	if certificate := s.Certificate(); certificate != nil {
		roots.AddCert(certificate)
	}
	transport := &Transport{
		DialContext:     (&net.Dialer{}).DialContext,
		DialTLSContext:  (&tls.Dialer{Config: &tls.Config{RootCAs: roots}}).DialContext,
		MaxConns:        2,
		IdleConnTimeout: time.Minute,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func request(ctx context.Context, t *testing.T, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// post sends a request and returns the whole answer.
func post(t *testing.T, transport *Transport, url, body string) string {
	t.Helper()
	response, err := transport.RoundTrip(request(t.Context(), t, url, body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func echo(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }

func TestConnectionsAreUsedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		secure  bool
		handler http.HandlerFunc
		answer  string
	}{
		"http":            {false, echo, "question"},
		"https":           {true, echo, "question"},
		"without a body":  {true, func(http.ResponseWriter, *http.Request) {}, ""},
		"no content":      {true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, ""},
		"after a refusal": {true, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 400) }, "no\n"},
		"in chunks": {true, func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				_, _ = io.WriteString(w, "chunk")
				w.(http.Flusher).Flush()
			}
		}, "chunkchunkchunk"},
		"after interim answers": {true, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusProcessing)
			echo(w, r)
		}, "question"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, test.secure, test.handler)
			transport := s.transport(t)
			for range 5 {
				if got := post(t, transport, s.URL, "question"); got != test.answer {
					t.Errorf("%q, want %q", got, test.answer)
				}
			}
			if got := s.opened.Load(); got != 1 {
				t.Errorf("%d connections", got)
			}
		})
	}
}

func TestConnectionsThatAreNotUsedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		prepare func(*Transport)
		read    bool
	}{
		"the server wants it closed": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }, nil, true},
		"the answer was not read":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100)) }, nil, false},
		"it waited for too long":     {echo, func(transport *Transport) { transport.IdleConnTimeout = 0 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, true, test.handler)
			transport := s.transport(t)
			if test.prepare != nil {
				test.prepare(transport)
			}
			for range 3 {
				response, err := transport.RoundTrip(request(t.Context(), t, s.URL, "question"))
				if err != nil {
					t.Fatal(err)
				}
				if test.read {
					_, _ = io.Copy(io.Discard, response.Body)
				}
				_ = response.Body.Close()
			}
			if got := s.opened.Load(); got != 3 {
				t.Errorf("%d connections", got)
			}
		})
	}
}

// A function that was frozen finds its connections closed by the other side.
func TestAClosedConnectionCostsNoRequest(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("the kernel is asked on Linux only")
		return
	}
	s := newServer(t, true, echo)
	transport := s.transport(t)
	for range 3 {
		if got := post(t, transport, s.URL, "question"); got != "question" {
			t.Fatalf("%q", got)
		}
		s.CloseClientConnections()
		<-s.closed
	}
	if got := s.opened.Load(); got != 3 {
		t.Errorf("%d connections", got)
	}
}

func TestTheContextEndsARequest(t *testing.T) {
	answered := make(chan struct{})
	for name, handler := range map[string]http.HandlerFunc{
		"before the answer": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			answered <- struct{}{}
			<-r.Context().Done()
		},
		"in the middle of the answer": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			answered <- struct{}{}
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, true, handler)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-answered
				cancel()
			}()
			response, err := s.transport(t).RoundTrip(request(ctx, t, s.URL, "question"))
			if err == nil {
				_, err = io.ReadAll(response.Body)
				_ = response.Body.Close()
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("err = %v", err)
			}
			<-s.closed // the connection is not kept
		})
	}
}

func TestADeadlineThatPassedBeforehand(t *testing.T) {
	s := newServer(t, true, echo)
	transport := s.transport(t)
	post(t, transport, s.URL, "")
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := transport.RoundTrip(request(ctx, t, s.URL, "")); !errors.Is(err, context.DeadlineExceeded) { //nolint:bodyclose // there is none
		t.Errorf("err = %v", err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	s := newServer(t, true, echo)
	transport := s.transport(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got := post(t, transport, s.URL, "question"); got != "question" {
				t.Errorf("%q", got)
			}
		})
	}
	all.Wait()
	if got := s.opened.Load(); got > 2 {
		t.Errorf("%d connections", got)
	}
}

func TestWaitingForAConnectionEndsWithTheContext(t *testing.T) {
	s := newServer(t, false, echo)
	transport := s.transport(t)
	transport.MaxConns = 1
	busy, err := transport.RoundTrip(request(t.Context(), t, s.URL, "question"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := transport.RoundTrip(request(ctx, t, s.URL, "")); !errors.Is(err, context.DeadlineExceeded) { //nolint:bodyclose // there is none
		t.Errorf("err = %v", err)
	}
	_ = busy.Body.Close()
	if got := post(t, transport, s.URL, "next"); got != "next" {
		t.Errorf("%q", got)
	}
}

// A connection to elsewhere makes room for one that is needed.
func TestConnectionsToSeveralHosts(t *testing.T) {
	one, other := newServer(t, false, echo), newServer(t, false, echo)
	transport := one.transport(t)
	transport.MaxConns = 1
	for range 2 {
		post(t, transport, one.URL, "")
		post(t, transport, other.URL, "")
	}
	if one.opened.Load() != 2 || other.opened.Load() != 2 {
		t.Errorf("%d and %d connections", one.opened.Load(), other.opened.Load())
	}
}

// What no server of net/http's would answer.
func TestBrokenAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   error // nil: any
	}{
		"nothing":             {"", io.ErrUnexpectedEOF},
		"half a header":       {"HTTP/1.1 200 OK\r\nX: y\r\n", io.ErrUnexpectedEOF},
		"half a body":         {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", io.ErrUnexpectedEOF},
		"no HTTP":             {"SSH-2.0-OpenSSH_9.9\r\n\r\n", nil},
		"a header of 64 KiB":  {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", errHeaderTooLarge},
		"another protocol":    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", errInterim},
		"endless interim":     {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10), errInterim},
		"a length that is no": {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = io.WriteString(c, test.answer)
				}
			}()
			transport := &Transport{DialContext: (&net.Dialer{}).DialContext, IdleConnTimeout: time.Minute}
			response, err := transport.RoundTrip(request(t.Context(), t, "http://"+listener.Addr().String(), "question"))
			if err == nil {
				_, err = io.ReadAll(response.Body)
				_ = response.Body.Close()
			}
			if err == nil || (test.want != nil && !errors.Is(err, test.want)) {
				t.Errorf("err = %v, want %v", err, test.want)
			}
			if transport.pool.open != 0 {
				t.Errorf("%d connections are kept", transport.pool.open)
			}
		})
	}
}

type closeRecorder struct {
	io.Reader
	closed atomic.Bool
}

func (c *closeRecorder) Close() error {
	c.closed.Store(true)
	return nil
}

// The contract of http.RoundTripper.
func TestTheBodyOfARequestIsAlwaysClosed(t *testing.T) {
	s := newServer(t, false, echo)
	for name, test := range map[string]struct {
		url string
		ok  bool
	}{
		"answered":      {s.URL, true},
		"no connection": {"http://127.0.0.1:1", false},
		"no scheme":     {"ftp://127.0.0.1", false},
	} {
		r := request(t.Context(), t, test.url, "")
		sent := &closeRecorder{Reader: strings.NewReader("question")}
		r.Body, r.ContentLength = sent, int64(len("question"))
		response, err := s.transport(t).RoundTrip(r)
		if (err == nil) != test.ok || !sent.closed.Load() {
			t.Errorf("%s: err = %v, closed %v", name, err, sent.closed.Load())
		}
		if err == nil {
			_ = response.Body.Close()
		}
	}
}
