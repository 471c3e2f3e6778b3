package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A fakeIssuer replaces the network, so that under testing/synctest days of cache lifetime pass in
// no time.
type fakeIssuer struct {
	mu        sync.Mutex
	answers   map[string]answer // by URL; connections to other URLs are refused
	asked     []string
	latency   time.Duration
	whenAsked chan struct{} // if not nil, receives a value for each request
}

// An answer makes the response to a request. It is called after the latency.
type answer func(*http.Request) (*http.Response, error)

const (
	keysURL      = testIssuer + "/jwks.json"
	discoveryURL = testIssuer + "/.well-known/openid-configuration"
)

// newFakeIssuer returns an issuer that serves the configuration document and a key set.
func newFakeIssuer(keys ...m) *fakeIssuer {
	f := &fakeIssuer{answers: map[string]answer{}}
	f.set(discoveryURL, ok(m{"issuer": testIssuer, "jwks_uri": keysURL}.String()))
	f.set(keysURL, ok(jwks(keys...)))
	return f
}

func (f *fakeIssuer) set(url string, a answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[url] = a
}

// setAll sets the same answer for every address.
func (f *fakeIssuer) setAll(a answer) {
	f.set(discoveryURL, a)
	f.set(keysURL, a)
}

func (f *fakeIssuer) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	url := r.URL.String()
	f.asked = append(f.asked, url)
	a, latency := f.answers[url], f.latency
	f.mu.Unlock()
	if f.whenAsked != nil {
		f.whenAsked <- struct{}{}
	}
	if latency > 0 {
		select {
		case <-time.After(latency):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if a == nil {
		return nil, errors.New("connection refused")
	}
	return a(r)
}

// count returns the numbers of requests since its last call: for the configuration document and for
// keys.
func (f *fakeIssuer) count() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	documents, keys := 0, 0
	for _, url := range f.asked {
		if url == discoveryURL {
			documents++
		} else {
			keys++
		}
	}
	f.asked = nil
	return fmt.Sprintf("%d+%d", documents, keys)
}

// ok answers 200. Each header is a "Name: value" line.
func ok(body string, header ...string) answer { return status(200, body, header...) }

func status(code int, body string, header ...string) answer {
	return func(r *http.Request) (*http.Response, error) {
		resp := &http.Response{
			StatusCode: code, Request: r, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader(body)),
		}
		for _, h := range header {
			name, value, _ := strings.Cut(h, ": ")
			resp.Header.Add(name, value)
		}
		return resp, nil
	}
}

// hang never answers.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// broken fails as if the connection was cut before the answer.
func broken(*http.Request) (*http.Response, error) {
	return nil, errors.New("read tcp 10.0.0.1:1: connection reset by peer")
}

// cutShort fails as if the connection was cut within the body.
func cutShort(body string) answer {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := ok(body)(r)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(body), failingReader{}))
		return resp, err
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// drip sends one byte of body in each interval.
func drip(body string, interval time.Duration) answer {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := ok("")(r)
		resp.Body = io.NopCloser(&dripReader{r.Context(), body, interval})
		return resp, err
	}
}

type dripReader struct {
	ctx      context.Context
	rest     string
	interval time.Duration
}

func (d *dripReader) Read(p []byte) (int, error) {
	if d.rest == "" {
		return 0, io.EOF
	}
	select {
	case <-time.After(d.interval):
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
	p[0], d.rest = d.rest[0], d.rest[1:]
	return 1, nil
}

// sequence gives each answer once, then repeats the last one.
func sequence(answers ...answer) answer {
	var mu sync.Mutex
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		a := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		mu.Unlock()
		return a(r)
	}
}

// keySet returns a key set that finds the issuer's keys by discovery.
func (f *fakeIssuer) keySet(t testing.TB) *RemoteKeySet {
	t.Helper()
	return newRemote(t, RemoteConfig{Issuer: testIssuer, Transport: f})
}

func newRemote(t testing.TB, cfg RemoteConfig) *RemoteKeySet {
	t.Helper()
	k, err := NewRemoteKeySet(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A subject is a verifier with remote keys. Its methods return only the outcome for a token.
type subject struct{ *Verifier }

// withIssuer runs a test in a bubble of testing/synctest, with a verifier that fetches an issuer's
// keys.
func withIssuer(t *testing.T, test func(t *testing.T, issuer *fakeIssuer, s subject)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		issuer := newFakeIssuer(keyA())
		test(t, issuer, over(issuer.keySet(t)))
	})
}

func over(k KeySet) subject { return subject{NewVerifier(testConfig(), k)} }

// try verifies a token with this kid, signed with the tests' P-256 key and valid for 30 days.
func (s subject) try(kid string) string { return s.tryIn(context.Background(), kid) }

func (s subject) tryIn(ctx context.Context, kid string) string {
	return outcome(s.verify(ctx, kid))
}

func (s subject) verify(ctx context.Context, kid string) error {
	claims := goodClaims().with(m{"iat": time.Now().Unix(), "exp": time.Now().Add(30 * 24 * time.Hour).Unix()})
	_, err := s.Verify(ctx, es256(kid, claims))
	return err
}

// forge verifies a token with this kid that is signed with another key.
func (s subject) forge(kid string) string {
	claims := goodClaims().with(m{"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
	header := m{"alg": "ES256", "kid": kid}
	if kid == "" {
		delete(header, "kid")
	}
	_, err := s.Verify(context.Background(), issue(header.String(), claims.String(), "ES256", ec256B()))
	return outcome(err)
}

// keyA is the key that signs the subject's tokens, under the kid a. keyB is another key.
func keyA() m { return jwk(ec256(), m{"kid": "a"}) }
func keyB() m { return jwk(ec256B(), m{"kid": "b"}) }
