package faulttest

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"billingportal/functions/internal/upstream"
)

// AWSConfig returns a client configuration as the functions use it. The client makes two tries of
// at most tryTimeout each.
func AWSConfig(endpoint string, tryTimeout time.Duration) aws.Config {
	role := upstream.AWS{Region: "eu-west-1", AccessKeyID: "AKID", SecretAccessKey: "SECRET"}
	return role.Config(endpoint, upstream.NewTransport(), tryTimeout, 2)
}

// AWSError answers as DynamoDB does with an error of a code. Its message is the [Marker].
func AWSError(status int, code string) http.HandlerFunc {
	return Respond(status, "application/x-amz-json-1.0", `{"__type":"`+code+`","message":"`+Marker+`"}`)
}

// RequireAWSError fails unless err is an error of the service with the reason.
func RequireAWSError(t *testing.T, err error, service upstream.Service, reason upstream.Reason) {
	t.Helper()
	var failure *upstream.Error
	if !errors.As(err, &failure) {
		t.Fatalf("err = %v, want an *upstream.Error", err)
	}
	if failure.Service != service || failure.Reason != reason {
		t.Errorf("error = %q, want the reason %q", failure, reason)
	}
	if failure.Timeout != (reason == upstream.NoAnswer) {
		t.Errorf("Timeout = %v for %q", failure.Timeout, reason)
	}
}
