// Package fakeawstest calls the stand-ins below fakeaws in their tests.
package fakeawstest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Credentials are what a client signs with if the stand-in does not verify signatures.
var Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")

// Serve puts a stand-in on a loopback server, below a prefix since it is one of
// several services of one origin, and returns its endpoint.
func Serve(t testing.TB, h http.Handler) string {
	t.Helper()
	const prefix = "/aws/service"
	mux := http.NewServeMux()
	mux.Handle(prefix, http.StripPrefix(prefix, h))
	mux.Handle(prefix+"/", http.StripPrefix(prefix, h))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + prefix
}

// LastAnswer is an HTTP client that keeps the last answer as it was sent.
type LastAnswer struct {
	Status   int
	Header   http.Header
	Document map[string]any
}

// Do implements the HTTPClient of the SDK's clients.
func (l *LastAnswer) Do(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultClient.Do(r) //nolint:gosec // the endpoint is the test's own
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	l.Status, l.Header, l.Document = response.StatusCode, response.Header, nil
	if err := json.Unmarshal(body, &l.Document); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// Authorization is a header whose signature has the right form and is not verified.
func Authorization(service string) string {
	return "AWS4-HMAC-SHA256 Credential=LOCAL/20260101/us-east-1/" + service +
		"/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=00"
}

// Signed is a request as an SDK sends it, then changed.
func Signed(service, target, body string, changes ...func(*http.Request)) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("X-Amz-Date", "20260101T000000Z")
	r.Header.Set("Authorization", Authorization(service))
	for _, change := range changes {
		change(r)
	}
	return r
}
