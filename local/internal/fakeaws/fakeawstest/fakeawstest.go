// Package fakeawstest helps to test the fake AWS services.
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

// Credentials are the credentials of clients in tests. The fakes accept them if they do not verify
// signatures.
var Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")

// Serve starts a fake on a loopback server and returns its endpoint. The endpoint has a path
// prefix, because several services share an origin.
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

// LastAnswer is an HTTP client that stores the last response as sent.
type LastAnswer struct {
	Status   int
	Header   http.Header
	Document map[string]any
}

// Do implements the HTTPClient interface of the SDK.
func (l *LastAnswer) Do(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultClient.Do(r) //nolint:gosec // the endpoint belongs to the test
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

// Authorization returns a header whose signature has a valid format but is not a valid signature.
func Authorization(service string) string {
	return "AWS4-HMAC-SHA256 Credential=LOCAL/20260101/us-east-1/" + service +
		"/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=00"
}

// Signed returns a request as an SDK sends it, with changes applied.
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
