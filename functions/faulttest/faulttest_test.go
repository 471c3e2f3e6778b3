package faulttest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

const body = `{"healthy":true}`

// start starts a healthy server and returns it with a client that trusts it.
func start(t *testing.T, secure bool) (*Server, *http.Client) {
	t.Helper()
	config := Config{Says: "SAYS", Healthy: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	})}
	transport := &http.Transport{}
	if secure {
		authority, err := NewAuthority()
		if err != nil {
			t.Fatal(err)
		}
		config.Authority = authority
		transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
		transport.TLSClientConfig.RootCAs.AddCert(authority.root)
	}
	s, err := Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	t.Cleanup(transport.CloseIdleConnections)
	return s, &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// get sends a request and returns the status and the body. With an error, the body may be
// incomplete.
func get(t *testing.T, client *http.Client, url string, patience time.Duration) (status int, got string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "KEY")
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	return response.StatusCode, string(read), err
}

const long = time.Minute

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE)
}

// Each fault begins while the client has a connection. Afterwards the server is healthy again.
func TestFaults(t *testing.T) {
	certificate := func(_ int, _ string, err error) bool {
		return errors.As(err, new(*tls.CertificateVerificationError))
	}
	late := func(_ int, _ string, err error) bool { return errors.Is(err, context.DeadlineExceeded) }
	answers := func(status int, text string) func(int, string, error) bool {
		return func(gotStatus int, got string, err error) bool {
			return gotStatus == status && got == text && err == nil
		}
	}
	for name, test := range map[string]struct {
		fault    Fault
		secure   bool
		patience time.Duration
		want     func(status int, got string, err error) bool
	}{
		"none": {Fault{}, false, long, answers(200, body)},
		"refused": {Refused(), false, long,
			func(_ int, _ string, err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }},
		"reset at once": {ResetAtOnce(), false, long,
			func(_ int, _ string, err error) bool { return isReset(err) }},
		"reset after request": {ResetAfterRequest(), false, long,
			func(_ int, _ string, err error) bool { return isReset(err) }},
		"hang": {Hang(), false, 50 * time.Millisecond, late},
		"drip": {Drip(), false, 250 * time.Millisecond, func(status int, got string, err error) bool {
			return status == 200 && got != "" && len(got) < len(body) && late(status, got, err)
		}},
		"answer": {Answer(418, nil, "%s|"), false, long, answers(418, "SAYS KEY |")},
		"HTML": {HTML(503), false, long, func(status int, got string, _ error) bool {
			return status == 503 && strings.HasPrefix(got, "<!doctype")
		}},
		"empty": {Empty(200), false, long, answers(200, "")},
		"half":  {HalfJSON(), false, long, answers(200, body[:len(body)/2])},
		"cut short": {CutShort(), false, long,
			func(_ int, _ string, err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"large": {Large(), false, long,
			func(_ int, got string, err error) bool { return err == nil && len(got) == 10_000_000+len(body) }},
		"gzip bomb": {GzipBomb(), false, long,
			func(_ int, got string, err error) bool { return err == nil && len(got) == 16<<20 }},
		"header": {Header("Content-Type", "text/html"), false, long, answers(200, body)},
		"garbage": {Garbage(), false, long, func(_ int, _ string, err error) bool {
			return err != nil && strings.Contains(err.Error(), "malformed HTTP")
		}},
		"redirect": {Redirect(307, "http://127.0.0.1:9"), false, long, answers(307, "")},
		"when the condition is met": {When(func(r Request) bool { return r.Path == "/" }, Empty(404)), false, long,
			answers(404, "")},
		"when the condition is not met": {When(func(r Request) bool { return r.Authorization == "" }, Empty(404)),
			false, long,
			answers(200, body)},
		"header flood": {HeaderFlood(), false, long, func(_ int, _ string, err error) bool { return err == nil }},

		"TLS, none":      {Fault{}, true, long, answers(200, body)},
		"TLS, untrusted": {Untrusted(), true, long, certificate},
		"TLS, expired":   {Expired(), true, long, certificate},
		"TLS, no handshake": {NoHandshake(), true, long,
			func(_ int, _ string, err error) bool { return err != nil }},
		"TLS, silent handshake": {SilentHandshake(), true, 50 * time.Millisecond, late},
		"TLS, cut short": {CutShort(), true, long,
			func(_ int, _ string, err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"TLS, reset": {ResetAfterRequest(), true, long, func(_ int, _ string, err error) bool { return err != nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t, test.secure)
			if status, got, err := get(t, client, s.URL, long); status != 200 || got != body || err != nil {
				t.Fatalf("before: %d %q %v", status, got, err)
			}
			s.Break(test.fault)
			if status, got, err := get(t, client, s.URL+"/", test.patience); !test.want(status, got, err) {
				t.Errorf("%d %.100q %v", status, got, err)
			}
			if err := s.Heal(); err != nil {
				t.Fatal(err)
			}
			client.CloseIdleConnections()
			if status, got, err := get(t, client, s.URL, long); status != 200 || got != body || err != nil {
				t.Errorf("after: %d %q %v", status, got, err)
			}
		})
	}
}

func TestASecondAnswer(t *testing.T) {
	s, client := start(t, false)
	s.Break(Trailing(func(body []byte, says string) []byte { return append(body, says...) }))
	if status, got, err := get(t, client, s.URL, long); status != 200 || got != body || err != nil {
		t.Errorf("%d %q %v", status, got, err)
	}
}

func TestConnectionsThatWereKept(t *testing.T) {
	for name, test := range map[string]struct {
		do       func(*Server)
		patience time.Duration
		want     func(error) bool
	}{
		"dropped": {(*Server).Drop, long, func(err error) bool { return err == nil || isReset(err) }},
		"hung up": {(*Server).HangUp, long, func(err error) bool { return err == nil || isReset(err) }},
		"forgotten": {(*Server).Forget, 50 * time.Millisecond,
			func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t, false)
			_, _, _ = get(t, client, s.URL, long)
			test.do(s)
			if _, _, err := get(t, client, s.URL, test.patience); !test.want(err) {
				t.Errorf("%v", err)
			}
			if _, got, err := get(t, client, s.URL, long); got != body || err != nil {
				t.Errorf("on a new connection: %q %v", got, err)
			}
		})
	}
}

func TestTake(t *testing.T) {
	s, client := start(t, false)
	if s.Met() {
		t.Error("Met before the first request")
	}
	_, _, _ = get(t, client, s.URL+"/a", long)
	_, _, _ = get(t, client, s.URL+"/b", long)
	if !s.Met() {
		t.Error("not Met after two requests")
	}
	requests, connections := s.Take()
	if len(requests) != 2 ||
		requests[1] != (Request{Method: "GET", Path: "/b", Authorization: "KEY"}) || connections != 1 {
		t.Errorf("%+v on %d connections", requests, connections)
	}
	if requests, connections := s.Take(); len(requests) != 0 || connections != 0 || s.Met() {
		t.Errorf("%+v on %d connections", requests, connections)
	}
}
