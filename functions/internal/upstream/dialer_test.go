package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// listener is a server that counts its connections.
type listener struct {
	*httptest.Server
	opened, closed atomic.Int32
	changed        chan struct{}
}

func newListener(t *testing.T, scheme string) *listener {
	t.Helper()
	l := &listener{changed: make(chan struct{}, 100)}
	l.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "answer")
	}))
	l.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			l.opened.Add(1)
		case http.StateClosed:
			l.closed.Add(1)
		default:
			return
		}
		l.changed <- struct{}{}
	}
	l.Config.ErrorLog = log.New(io.Discard, "", 0) // tests break off handshakes on purpose
	if scheme == "https" {
		l.StartTLS()
	} else {
		l.Start()
	}
	t.Cleanup(l.Close)
	return l
}

// await waits until the given numbers of connections were opened and closed.
func (l *listener) await(t *testing.T, opened, closed int32) {
	t.Helper()
	for l.opened.Load() != opened || l.closed.Load() != closed {
		select {
		case <-l.changed:
		case <-time.After(10 * time.Second):
			t.Fatalf("%d connections opened and %d closed, want %d and %d", l.opened.Load(),
				l.closed.Load(), opened, closed)
		}
	}
}

// transport returns a transport that trusts the server. Its patience is long enough for a busy
// machine.
func (l *listener) transport(t *testing.T) *Transport {
	t.Helper()
	transport := NewTransport()
	transport.dialer.patience = 10 * time.Second
	if certificate := l.Certificate(); certificate != nil {
		transport.dialer.roots = x509.NewCertPool()
		transport.dialer.roots.AddCert(certificate)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func requireAnswer(t *testing.T, transport http.RoundTripper, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "answer" {
		t.Errorf("answer = %q, %v", body, err)
	}
}

// startAhead dials ahead and waits until the dial has ended.
func startAhead(t *testing.T, d *aheadDialer, base string) *aheadConn {
	t.Helper()
	d.start(t.Context(), base)
	ahead := d.ahead
	<-ahead.done
	return ahead
}

func TestTheFirstRequestTakesTheConnectionThatWasDialledAhead(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			server := newListener(t, scheme)
			transport := server.transport(t)
			startAhead(t, transport.dialer, server.URL)
			server.await(t, 1, 0)
			for range 3 {
				requireAnswer(t, transport, server.URL)
			}
			server.await(t, 1, 0)
		})
		t.Run(scheme+", while it is being dialled", func(t *testing.T) {
			server := newListener(t, scheme)
			transport := server.transport(t)
			transport.dialer.start(t.Context(), server.URL)
			requireAnswer(t, transport, server.URL)
			server.await(t, 1, 0)
		})
	}
}

func TestRequestsNeedNoConnectionDialledAhead(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, transport *Transport, url string){
		"DialAhead was not called": func(*testing.T, *Transport, string) {},
		"a base that is not a URL": func(t *testing.T, tr *Transport, _ string) {
			tr.dialer.start(t.Context(), "http://%zz")
		},
		"an empty base": func(t *testing.T, tr *Transport, _ string) { tr.dialer.start(t.Context(), "") },
		"the dial ahead failed": func(t *testing.T, tr *Transport, url string) {
			failFirstDial(tr)
			startAhead(t, tr.dialer, url)
		},
		"it was for another host": func(t *testing.T, tr *Transport,
			_ string) {
			startAhead(t, tr.dialer, "http://127.0.0.1:1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newListener(t, "http")
			transport := server.transport(t)
			prepare(t, transport, server.URL)
			requireAnswer(t, transport, server.URL)
			server.await(t, 1, 0)
		})
	}
}

func failFirstDial(transport *Transport) {
	var dials atomic.Int32
	transport.dialer.Control = func(string, string, syscall.RawConn) error {
		if dials.Add(1) == 1 {
			return errors.New("no route")
		}
		return nil
	}
}

func TestARequestDialsItselfIfTheDialAheadHangs(t *testing.T) {
	server := newListener(t, "http")
	transport := server.transport(t)
	transport.dialer.patience = 50 * time.Millisecond
	release := make(chan struct{})
	var dials atomic.Int32
	transport.dialer.Control = func(string, string, syscall.RawConn) error {
		if dials.Add(1) == 1 {
			<-release
		}
		return nil
	}
	transport.dialer.start(t.Context(), server.URL)
	ahead := transport.dialer.ahead
	requireAnswer(t, transport, server.URL)
	server.await(t, 1, 0)
	close(release)
	<-ahead.done
	if ahead.conn != nil { // it came too late, so it is closed
		server.await(t, 2, 1)
	}
}

func TestARequestWaitsHalfASecondForTheDialAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dialer := NewTransport().dialer
		for name, test := range map[string]struct {
			dialed time.Duration // after the request came
			waited time.Duration
			taken  bool
		}{
			"in time":  {500*time.Millisecond - 1, 500*time.Millisecond - 1, true},
			"too late": {500*time.Millisecond + 1, 500 * time.Millisecond, false},
		} {
			conn, other := net.Pipe()
			ahead := &aheadConn{address: "127.0.0.1:80", done: make(chan struct{})}
			dialer.ahead = ahead
			time.AfterFunc(test.dialed, func() {
				ahead.conn, ahead.dialed = conn, WallClock(dialer.now)
				close(ahead.done)
			})
			start := time.Now()
			taken := dialer.take(t.Context(), false, ahead.address) == conn
			if waited := time.Since(start); taken != test.taken || waited != test.waited {
				t.Errorf("%s: taken %v after %v, want %v after %v", name, taken, waited, test.taken, test.waited)
			}
			if !taken { // a late connection is closed
				if _, err := other.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
					t.Errorf("%s: %v", name, err)
				}
			}
			_ = conn.Close()
		}
	})
}

func TestADialAheadGoesToThePortOfTheURL(t *testing.T) {
	for base, want := range map[string]string{
		"http://127.0.0.1":            "127.0.0.1:80",
		"https://127.0.0.1":           "127.0.0.1:443",
		"http://127.0.0.1:8443/path":  "127.0.0.1:8443",
		"https://127.0.0.1:8080/path": "127.0.0.1:8080",
		"https://[::1]/":              "[::1]:443",
	} {
		dialer := NewTransport().dialer
		var dialed []string
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			dialed = append(dialed, address)
			return errors.New("no route")
		}
		if startAhead(t, dialer, base); !slices.Equal(dialed, []string{want}) {
			t.Errorf("%s: dialled %q, want %s", base, dialed, want)
		}
	}
}

func TestADialEndsAfterTwoSeconds(t *testing.T) {
	dialer := NewTransport().dialer
	start, dials := time.Now(), 0
	dialer.ControlContext = func(ctx context.Context, _, _ string, _ syscall.RawConn) error {
		dials++
		deadline, _ := ctx.Deadline()
		if deadline.Before(start.Add(2*time.Second)) || deadline.After(time.Now().Add(2*time.Second)) {
			t.Errorf("the dial ends %v after its start", deadline.Sub(start))
		}
		return errors.New("no route")
	}
	if _, err := dialer.dialPlain(t.Context(), "tcp", "127.0.0.1:1"); err == nil || dials != 1 {
		t.Errorf("%d dials, %v", dials, err)
	}
}

func TestAnOldConnectionIsDiscarded(t *testing.T) {
	for name, test := range map[string]struct {
		age  time.Duration
		kept bool
	}{
		"a little less than 20 s": {20*time.Second - time.Nanosecond, true},
		"20 s":                    {20 * time.Second, false},
		"frozen for hours":        {5 * time.Hour, false},
		"the clock was set back":  {-time.Hour, false},
		"new":                     {0, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := newListener(t, "http")
			transport := server.transport(t)
			now := time.Now()
			transport.dialer.now = func() time.Time { return now }
			startAhead(t, transport.dialer, server.URL)
			now = now.Add(test.age)
			requireAnswer(t, transport, server.URL)
			if test.kept {
				server.await(t, 1, 0)
			} else {
				server.await(t, 2, 1)
			}
		})
	}
}

// Over the wrong connection, a key would be sent without TLS or to another server.
func TestAConnectionIsOnlyForItsSchemeAndAddress(t *testing.T) {
	server := newListener(t, "http")
	address := server.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	transport := server.transport(t)
	ahead := startAhead(t, transport.dialer, server.URL)
	for name, take := range map[string]func() net.Conn{
		"https of the same address": func() net.Conn { return transport.dialer.take(t.Context(), true, address) },
		"another port": func() net.Conn {
			return transport.dialer.take(t.Context(), false, "127.0.0.1:1")
		},
		"another host of the same port": func() net.Conn {
			return transport.dialer.take(t.Context(), false, "127.0.0.2:"+port)
		},
		"another name of the same host": func() net.Conn {
			return transport.dialer.take(t.Context(), false, "localhost:"+port)
		},
	} {
		if take() != nil {
			t.Errorf("%s was given the connection", name)
		}
	}
	if conn := transport.dialer.take(t.Context(), false, address); conn != ahead.conn {
		t.Errorf("take = %v, want the connection", conn)
	}
	if conn := transport.dialer.take(t.Context(), false, address); conn != nil {
		t.Error("the connection was returned twice")
	}
	_ = ahead.conn.Close()
}

func TestOnlyOneOfManyRequestsTakesTheConnection(t *testing.T) {
	server := newListener(t, "http")
	transport := server.transport(t)
	transport.dialer.start(t.Context(), server.URL)
	var taken atomic.Int32
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if conn := transport.dialer.take(t.Context(), false, server.Listener.Addr().String()); conn != nil {
				taken.Add(1)
				_ = conn.Close()
			}
		})
	}
	wait.Wait()
	if taken.Load() != 1 {
		t.Errorf("%d requests took the connection", taken.Load())
	}
}

func TestTheEndOfTheContextLeavesNothingBehind(t *testing.T) {
	t.Run("a connection that no request took", func(t *testing.T) {
		server := newListener(t, "https")
		transport := server.transport(t)
		ctx, cancel := context.WithCancel(t.Context())
		transport.dialer.start(ctx, server.URL)
		<-transport.dialer.ahead.done
		server.await(t, 1, 0)
		cancel()
		server.await(t, 1, 1)
	})
	t.Run("a dial under way", func(t *testing.T) {
		silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers the handshake
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = silent.Close() })
		transport := NewTransport()
		ctx, cancel := context.WithCancel(t.Context())
		transport.dialer.start(ctx, "https://"+silent.Addr().String())
		ahead := transport.dialer.ahead
		conn, err := silent.Accept()
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		<-ahead.done
		if ahead.conn != nil {
			t.Error("there is a connection after the end")
		}
		if _, err := io.Copy(io.Discard, conn); err != nil { // until it is closed
			t.Error(err)
		}
		_ = conn.Close()
	})
	t.Run("except for a connection in use", func(t *testing.T) {
		server := newListener(t, "http")
		transport := server.transport(t)
		ctx, cancel := context.WithCancel(t.Context())
		transport.dialer.start(ctx, server.URL)
		requireAnswer(t, transport, server.URL)
		cancel()
		requireAnswer(t, transport, server.URL)
		server.await(t, 1, 0)
	})
}

func TestACertificateIsChecked(t *testing.T) {
	server := newListener(t, "https")
	transport := NewTransport()
	transport.dialer.start(t.Context(), server.URL)
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	response, err := transport.RoundTrip(request)
	if err == nil {
		_ = response.Body.Close()
	}
	var untrusted *tls.CertificateVerificationError
	if !errors.As(err, &untrusted) {
		t.Errorf("err = %v, want an untrusted certificate", err)
	}
}
