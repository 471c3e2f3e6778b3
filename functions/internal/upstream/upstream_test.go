package upstream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"billingportal/functions/internal/upstream"
)

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost":            true,
		"127.0.0.1":            true,
		"127.255.255.254":      true,
		"::1":                  true,
		"::ffff:127.0.0.1":     true,
		"":                     false,
		"0.0.0.0":              false,
		"::":                   false,
		"128.0.0.1":            false,
		"127.1":                false, // some resolvers treat it as an address, others as a name
		"2130706433":           false,
		"127.0.0.1.evil.test":  false,
		"localhost.evil.test":  false,
		"evil.localhost":       false,
		"localhost.":           false,
		"[::1]":                false, // the host must be without brackets
		"127.0.0.1:80":         false, // and without a port
		"169.254.169.254":      false,
		"host.docker.internal": false,
	} {
		if got := upstream.IsLoopback(host); got != want {
			t.Errorf("IsLoopback(%q) = %v, want %v", host, got, want)
		}
	}
}

// bodyOf is a transport that answers every request with the same body.
type bodyOf struct{ io.Reader }

func (b bodyOf) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(b.Reader)}, nil
}

type failing struct{ error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.error }

func TestEmptyAndLargeAnswersAreRefused(t *testing.T) {
	const limit = 2 << 20
	for name, test := range map[string]struct {
		size    int
		refused bool
	}{
		"empty":         {0, true},
		"one byte":      {1, false},
		"at the limit":  {limit, false},
		"one byte more": {limit + 1, true},
		"10 MB":         {10_000_000, true},
	} {
		t.Run(name, func(t *testing.T) {
			transport := upstream.LimitResponses{Next: bodyOf{strings.NewReader(strings.Repeat("x", test.size))}}
			response, err := transport.RoundTrip(httptest.NewRequest("POST", "/", nil))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if (err != nil) != test.refused {
				t.Errorf("err = %v after %d bytes", err, len(body))
			}
			if len(body) > 2*limit {
				t.Errorf("%d bytes were read", len(body))
			}
		})
	}
}

func TestLimitResponsesReturnsTheTransportsError(t *testing.T) {
	want := errors.New("refused")
	if _, err := (upstream.LimitResponses{Next: failing{want}}).RoundTrip(httptest.NewRequest("POST", "/",
		nil)); !errors.Is(err, want) {
		t.Errorf("err = %v, want %v", err, want)
	}
}

type brokenBody struct{ closed bool }

func (b *brokenBody) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (b *brokenBody) Close() error             { b.closed = true; return nil }

func TestARequestWhoseBodyCannotBeReadIsNotSent(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:1/", nil)
	body := &brokenBody{}
	r.Body = body
	response, err := upstream.BufferRequests{Next: http.DefaultTransport}.RoundTrip(r)
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, io.ErrClosedPipe) || !body.closed {
		t.Errorf("err = %v, closed: %v", err, body.closed)
	}
}

func TestTheCallersRequestIsNotChanged(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	body := struct{ io.Reader }{strings.NewReader("body")}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	before := r.Body
	response, err := upstream.BufferRequests{Next: server.Client().Transport}.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if r.Body != before || r.ContentLength != 0 {
		t.Errorf("body %v, ContentLength %d", r.Body, r.ContentLength)
	}
}

func TestAPauseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := upstream.Pause(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := upstream.Pause(t.Context(), 0); err != nil {
		t.Error(err)
	}
}
