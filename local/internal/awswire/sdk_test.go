package awswire_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

type (
	item  = map[string]types.AttributeValue
	names = map[string]string
)

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func number(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }

// serve puts a stand-in on a loopback server, below a prefix since it is one of
// several services of one origin, and returns its endpoint.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	const prefix = "/aws/service"
	mux := http.NewServeMux()
	mux.Handle(prefix, http.StripPrefix(prefix, h))
	mux.Handle(prefix+"/", http.StripPrefix(prefix, h))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + prefix
}

var demoCredentials = credentials.NewStaticCredentialsProvider("local", "local", "")

func dynamoClient(endpoint string, transport dynamodb.HTTPClient) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: demoCredentials,
		HTTPClient: transport, RetryMaxAttempts: 1,
	})
}

func secretsClient(endpoint string, transport secretsmanager.HTTPClient) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: demoCredentials,
		HTTPClient: transport, RetryMaxAttempts: 1,
	})
}

// lastAnswer is an HTTP client that keeps the last answer as it was sent.
type lastAnswer struct {
	status   int
	header   http.Header
	document map[string]any
}

func (l *lastAnswer) Do(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	l.status, l.header, l.document = response.StatusCode, response.Header, nil
	if err := json.Unmarshal(body, &l.document); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// retarget sends another X-Amz-Target than the SDK would.
type retarget struct {
	next interface {
		Do(*http.Request) (*http.Response, error)
	}
	target string
}

func (c retarget) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Amz-Target", c.target)
	return c.next.Do(r)
}

// check checks what the SDK does not show: the status, the headers that every
// answer has, and the __type of an error.
func (l *lastAnswer) check(t *testing.T, status int, kind string) {
	t.Helper()
	if l.status != status {
		t.Errorf("status is %d, want %d", l.status, status)
	}
	if got, _ := l.document["__type"].(string); got != kind {
		t.Errorf("__type is %q, want %q", got, kind)
	}
	if got := l.header.Get("Content-Type"); got != "application/x-amz-json-1.0" {
		t.Errorf("Content-Type is %q", got)
	}
	if l.header.Get("X-Amzn-RequestId") == "" {
		t.Error("X-Amzn-RequestId is missing")
	}
	if status == http.StatusOK && l.header.Get("X-Amz-Crc32") == "" {
		t.Error("X-Amz-Crc32 is missing")
	}
}
