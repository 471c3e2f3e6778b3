package auth

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The tests of this file use real connections to a server on the loopback interface, with the
// package's own transport unless a test says otherwise.

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func write(w io.Writer, s string) { _, _ = io.WriteString(w, s) }

func compressed(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if _, err := io.WriteString(z, s); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAnswersOverTheNetwork(t *testing.T) {
	set := jwks(keyA())
	padded := func(size int) string { return set + strings.Repeat(" ", size-len(set)) }
	zipped := func(s string) http.HandlerFunc {
		body := compressed(t, s)
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(body)
		}
	}
	plain := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { write(w, s) }
	}
	for _, c := range []struct {
		rule    string
		handler http.HandlerFunc
		want    string
	}{
		{"plain", plain(set), "accepted"},
		{"gzip", zipped(set), "accepted"},
		{"150,000 bytes", plain(padded(150_000)), "accepted"},
		{"150,001 bytes", plain(padded(150_001)), "keys unavailable"},
		{"150,000 bytes after decompression", zipped(padded(150_000)), "accepted"},
		{"150,001 bytes after decompression", zipped(padded(150_001)), "keys unavailable"},
		{"gzip bomb", zipped(padded(10_000_000)), "keys unavailable"},
		{"announced as gzip, but plain", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			write(w, set)
		}, "keys unavailable"},
		{"body without end", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				write(w, strings.Repeat(" ", 4096))
			}
		}, "keys unavailable"},
		{"header of 100,000 bytes", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 100_000))
			write(w, set)
		}, "keys unavailable"},
		{"a shorter body than announced", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100000")
			write(w, set)
		}, "keys unavailable"},
		{"connection closed",
			func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "keys unavailable"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			expect(t, "a request", over(newRemote(t, RemoteConfig{JWKSURL: serve(t, c.handler)})).try("a"), c.want)
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var reached atomic.Int32
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		write(w, jwks(keyA()))
	})
	for _, code := range []int{301, 302, 303, 307, 308} {
		from := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, code) })
		expect(t, http.StatusText(code), over(newRemote(t, RemoteConfig{JWKSURL: from})).try("a"), "keys unavailable")
	}
	if reached.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter,
		r *http.Request) {
		write(w, jwks(keyA()))
	}))
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	t.Cleanup(server.Close)
	err := newRemote(t, RemoteConfig{JWKSURL: server.URL}).Prefetch(t.Context())
	if err == nil || !strings.Contains(err.Error(), errTLS.Error()) {
		t.Errorf("an unknown certificate: got %v", err)
	}
	trusting := newRemote(t, RemoteConfig{JWKSURL: server.URL, Transport: server.Client().Transport})
	expect(t, "a trusted one", over(trusting).try("a"), "accepted")
}

func TestConnectionRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, "a request", over(newRemote(t, RemoteConfig{JWKSURL: address})).try("a"), "keys unavailable")
}

// Discovery and keys use one connection, which is then closed: between two fetches no goroutine of
// this package runs or waits.
func TestConnectionIsSharedAndThenClosed(t *testing.T) {
	var opened atomic.Int32
	closed := make(chan struct{}, 10)
	var server *httptest.Server
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jwks.json" {
			write(w, jwks(keyA()))
			return
		}
		write(w, m{"issuer": server.URL, "jwks_uri": server.URL + "/jwks.json"}.String())
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			opened.Add(1)
		case http.StateClosed:
			closed <- struct{}{}
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	var later time.Duration
	keys := newRemote(t, RemoteConfig{Issuer: server.URL, Now: func() time.Time { return time.Now().Add(later) }})
	for range 3 {
		if err := keys.Prefetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		later += time.Hour
	}
	if n := opened.Load(); n != 3 {
		t.Errorf("%d connections for 3 fetches", n)
	}
	for range 3 {
		<-closed
	}
}

// A name can resolve to an address that the rule for URLs would refuse.
func TestResolvedAddressesAreChecked(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:443":                  true,
		"192.0.2.1:443":                  true,
		"[2001:db8::1]:443":              true,
		"169.254.169.254:443":            false,
		"[fe80::1%eth0]:443":             false,
		"[::ffff:169.254.169.254]:443":   false,
		"[fd00:ec2::254]:443":            false,
		"0.0.0.0:443":                    false,
		"issuer.example:443 (not an IP)": false,
	} {
		if got := refuseForbidden("tcp", address, nil) == nil; got != want {
			t.Errorf("%s: allowed %v, want %v", address, got, want)
		}
	}
	if _, err := newTransport().DialContext(t.Context(), "tcp", "169.254.169.254:80"); !errors.Is(err, errConnection) {
		t.Errorf("the package's transport: got %v", err)
	}
}
