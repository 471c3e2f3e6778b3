// Package upstreamtest has servers that go wrong in every way a server can, for
// the tests of the packages that call one.
package upstreamtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Marker stands for whatever an upstream may say and nobody may repeat.
const Marker = "MARKERx7Q"

// Server counts the requests that reach a handler.
type Server struct {
	*httptest.Server
	requests atomic.Int32
}

// Requests is the number of requests so far.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// NewServer starts a server for the time of a test. Every answer of the handler
// carries the marker in a header.
func NewServer(t testing.TB, handler http.HandlerFunc) *Server {
	t.Helper()
	s := &Server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		w.Header().Set("X-Marker", Marker)
		handler(w, r)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// Answer answers with a fixed text, whatever is asked.
func Answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		drain(r)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// HTML answers with a page that holds the marker.
func HTML(status int) http.HandlerFunc {
	return Answer(status, "text/html", "<!doctype html><title>"+Marker+"</title>")
}

// CutShort announces more than the body that it sends, and hangs up.
func CutShort(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn := take(w, r)
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nX-Marker: %s\r\nContent-Length: %d\r\n\r\n%s",
			status, Marker, Marker, len(body)+100, body)
		_ = conn.Close()
	}
}

// Reset reads the request and resets the connection.
func Reset(w http.ResponseWriter, r *http.Request) { reset(take(w, r)) }

// Large answers with ten million bytes of JSON.
func Large(status int) http.HandlerFunc {
	return Answer(status, "application/json", `{"`+Marker+`":"`+strings.Repeat("x", 10_000_000)+`"}`)
}

// Hang reads the request and never answers.
func Hang(_ http.ResponseWriter, r *http.Request) {
	drain(r)
	<-r.Context().Done()
}

// Drip sends the head of an answer, then a byte every ten milliseconds.
func Drip(w http.ResponseWriter, r *http.Request) {
	drain(r)
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, " "); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		time.Sleep(10 * time.Millisecond)
	}
}

// Redirect sends the caller to another server, with the marker in its address.
func Redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		drain(r)
		http.Redirect(w, r, to+"/"+Marker, http.StatusTemporaryRedirect)
	}
}

// Refused is the URL of a port that nobody listens on.
func Refused(t testing.TB) string {
	t.Helper()
	listener := listen(t)
	_ = listener.Close()
	return "http://" + listener.Addr().String()
}

// ResetAtOnce is the URL of a server that resets connections before it has read
// a request, and the number of connections that it has reset.
func ResetAtOnce(t testing.TB) (url string, connections *atomic.Int32) {
	t.Helper()
	listener := listen(t)
	t.Cleanup(func() { _ = listener.Close() })
	connections = new(atomic.Int32)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			reset(conn)
		}
	}()
	return "http://" + listener.Addr().String(), connections
}

// RequireSilent fails if an error, printed in any way, says what an upstream
// said: the marker or one of the other texts.
func RequireSilent(t testing.TB, err error, others ...string) {
	t.Helper()
	for _, format := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
		for current := err; current != nil; current = errors.Unwrap(current) {
			printed := fmt.Sprintf(format, current)
			for _, text := range append(others, Marker) {
				if strings.Contains(printed, text) {
					t.Errorf("the error printed with %s repeats %q: %s", format, text, printed)
				}
			}
		}
	}
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// drain reads a request to its end, so that the server sees its client go.
func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

func take(w http.ResponseWriter, r *http.Request) net.Conn {
	drain(r)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	return conn
}

func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0) // a reset instead of an orderly end
	_ = conn.Close()
}

// hanging never answers. It notes how long each try lasts.
type hanging struct{ tries []time.Duration }

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	<-r.Context().Done()
	h.tries = append(h.tries, time.Since(start))
	return nil, r.Context().Err()
}

// RequireTries requires that a call is given up after some tries of the same time, if nothing answers.
func RequireTries(t *testing.T, tries int, each time.Duration, call func(ctx context.Context, transport http.RoundTripper) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		transport := &hanging{}
		if err := call(t.Context(), transport); err == nil {
			t.Error("no error")
		}
		if want := slices.Repeat([]time.Duration{each}, tries); !slices.Equal(transport.tries, want) {
			t.Errorf("tries of %v, want %v", transport.tries, want)
		}
	})
}
