package dynamodb_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/local/internal/fakeaws/fakeawstest"
)

type (
	item  = map[string]types.AttributeValue
	names = map[string]string
)

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func number(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }

func dynamoClient(endpoint string, transport dynamodb.HTTPClient) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: fakeawstest.Credentials,
		HTTPClient: transport, RetryMaxAttempts: 1,
	})
}

// retarget changes the X-Amz-Target of a request.
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

// checkAnswer checks the parts of a response that the SDK hides: the status, the headers of every
// response, and the __type of an error.
func checkAnswer(t *testing.T, l *fakeawstest.LastAnswer, status int, kind string) {
	t.Helper()
	if l.Status != status {
		t.Errorf("status is %d, want %d", l.Status, status)
	}
	if got, _ := l.Document["__type"].(string); got != kind {
		t.Errorf("__type is %q, want %q", got, kind)
	}
	if got := l.Header.Get("Content-Type"); got != "application/x-amz-json-1.0" {
		t.Errorf("Content-Type is %q", got)
	}
	if l.Header.Get("X-Amzn-RequestId") == "" {
		t.Error("X-Amzn-RequestId is missing")
	}
	if status == http.StatusOK && l.Header.Get("X-Amz-Crc32") == "" {
		t.Error("X-Amz-Crc32 is missing")
	}
}
