package fakeaws_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"billingportal/local/internal/fakeaws/dynamodb"
	"billingportal/local/internal/fakeaws/fakeawstest"
	"billingportal/local/internal/fakeaws/secretsmanager"
)

// An SDK never sends these requests. The expected errors are those of AWS, because DynamoDB Local
// responds to most of these requests with status 500.
func TestRequestsAreRefused(t *testing.T) {
	dynamo, secrets := dynamodb.NewServer(), secretsmanager.NewServer()
	if err := dynamo.CreateTable("customers", "user_id"); err != nil {
		t.Fatal(err)
	}
	secrets.Put("stripe", "hidden")
	const (
		coral      = "com.amazon.coral.service#"
		validation = "com.amazon.coral.validate#ValidationException"
		unknown    = "com.amazonaws.dynamodb.v20120810#UnknownOperationException"
	)
	dynamoGet := func(changes ...func(*http.Request)) *http.Request {
		return fakeawstest.Signed("dynamodb", "DynamoDB_20120810.GetItem",
			`{"TableName":"customers","Key":{"user_id":{"S":"alice"}}}`, changes...)
	}
	secretGet := func(changes ...func(*http.Request)) *http.Request {
		return fakeawstest.Signed("secretsmanager", "secretsmanager.GetSecretValue",
			`{"SecretId":"stripe"}`, changes...)
	}
	body := func(s string) func(*http.Request) {
		return func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(s)) }
	}
	for _, c := range []struct {
		name    string
		handler http.Handler
		request *http.Request
		status  int
		kind    string
	}{
		{"a signed request is answered", dynamo, dynamoGet(), 200, ""},
		{"a signed request for a secret is answered", secrets, secretGet(), 200, ""},
		{"a request from a web page is refused", dynamo, dynamoGet(header("Origin", "http://127.0.0.1:8080")), 403,
			coral + "AccessDeniedException"},
		{"a request for a secret from a web page is refused", secrets,
			secretGet(header("Origin", "http://127.0.0.1:8080")),
			403, "AccessDeniedException"},
		{"a request with a null origin is refused", secrets, secretGet(header("Origin", "null")), 403,
			"AccessDeniedException"},
		{"a request with an empty origin is refused", secrets, secretGet(header("Origin", "")), 403,
			"AccessDeniedException"},
		{"a navigation is refused", secrets, secretGet(header("Sec-Fetch-Site", "none")), 403, "AccessDeniedException"},
		{"a preflight is refused", secrets, secretGet(method(http.MethodOptions)), 400, "UnknownOperationException"},
		{"a GET is refused", secrets, secretGet(method(http.MethodGet)), 400, "UnknownOperationException"},
		{"a request without a target is refused", secrets, secretGet(header("X-Amz-Target")), 400,
			"UnknownOperationException"},
		{"a target without an operation is refused", secrets, secretGet(header("X-Amz-Target", "secretsmanager")), 400,
			"UnknownOperationException"},
		{"a target of another service is refused", secrets,
			secretGet(header("X-Amz-Target", "DynamoDB_20120810.GetItem")),
			400, "UnknownOperationException"},
		{"an operation that is not emulated is refused", secrets,
			secretGet(header("X-Amz-Target", "secretsmanager.ListSecrets")), 400, "UnknownOperationException"},
		{"an operation on tables that is not emulated is refused", dynamo,
			dynamoGet(header("X-Amz-Target", "DynamoDB_20120810.Query")), 400, unknown},

		{"an unsigned request is refused", dynamo, dynamoGet(header("Authorization")), 400,
			coral + "MissingAuthenticationTokenException"},
		{"an unsigned request for a secret is refused", secrets, secretGet(header("Authorization")), 400,
			"MissingAuthenticationTokenException"},
		{"a bearer token is refused", dynamo, dynamoGet(header("Authorization", "Bearer x")), 400,
			coral + "MissingAuthenticationTokenException"},
		{"a signature of another version is refused", dynamo, dynamoGet(header("Authorization", "AWS4-HMAC-MD5 x")),
			400, coral + "IncompleteSignatureException"},
		{"a signature without its parts is refused", dynamo,
			dynamoGet(header("Authorization", "AWS4-HMAC-SHA256 garbled")), 400,
			coral + "IncompleteSignatureException"},
		{"a signature without a date is refused", dynamo, dynamoGet(header("X-Amz-Date")), 400,
			coral + "IncompleteSignatureException"},
		{"a credential without a scope is refused", dynamo,
			dynamoGet(header("Authorization", "AWS4-HMAC-SHA256 Credential=AKID, SignedHeaders=host, Signature=00")),
			400, coral + "UnrecognizedClientException"},
		{"a signature for another service is refused", dynamo,
			dynamoGet(header("Authorization", fakeawstest.Authorization("secretsmanager"))), 400,
			coral + "InvalidSignatureException"},

		{"a body that is not JSON is refused", dynamo, dynamoGet(body("nonsense")), 400,
			coral + "SerializationException"},
		{"a body that is not an object is refused", dynamo, dynamoGet(body("[]")), 400,
			coral + "SerializationException"},
		{"a body that is null is refused", secrets, secretGet(body("null")), 400, "SerializationException"},
		{"an empty body is refused", secrets, secretGet(body("")), 400, "SerializationException"},
		{"a parameter of another type is refused", dynamo, dynamoGet(body(`{"TableName":1}`)), 400,
			coral + "SerializationException"},
		{"an attribute that is not an object is refused", dynamo,
			dynamoGet(body(`{"TableName":"customers","Key":{"user_id":"alice"}}`)), 400,
			coral + "SerializationException"},
		{"an attribute whose value is of another type is refused", dynamo,
			dynamoGet(body(`{"TableName":"customers","Key":{"user_id":{"S":1}}}`)), 400,
			coral + "SerializationException"},
		{"bytes that are not base64 are refused", dynamo, dynamoGet(body(`{"TableName":"customers",` +
			`"Key":{"user_id":{"B":"@"}}}`)), 400, coral + "SerializationException"},
		{"an attribute without a type is refused", dynamo,
			dynamoGet(body(`{"TableName":"customers","Key":{"user_id":{}}}`)), 400, validation},
		{"an attribute of two types is refused", dynamo,
			dynamoGet(body(`{"TableName":"customers","Key":{"user_id":{"S":"a","N":"1"}}}`)), 400, validation},
		{"a missing table name is refused", dynamo, dynamoGet(body(`{}`)), 400, validation},
		{"a missing key is refused", dynamo, dynamoGet(body(`{"TableName":"customers"}`)), 400, validation},
		{"a body over 1 MiB is refused", dynamo, dynamoGet(body(strings.Repeat(" ", 1<<20+1))), 413,
			coral + "RequestEntityTooLargeException"},

		{"a parameter that is not emulated is refused", dynamo,
			dynamoGet(body(`{"TableName":"customers","AttributesToGet":["a"]}`)), 400, coral + "ValidationException"},
		{"a set as a key is refused", dynamo,
			dynamoGet(body(`{"TableName":"customers","Key":{"user_id":{"SS":["a"]}}}`)), 400, validation},
		{"an update without a key is refused", dynamo, fakeawstest.Signed("dynamodb", "DynamoDB_20120810.UpdateItem",
			`{"TableName":"customers"}`), 400, validation},
		{"a value whose bytes are not base64 is refused", dynamo,
			fakeawstest.Signed("dynamodb", "DynamoDB_20120810.PutItem",
				`{"TableName":"customers","Item":{"user_id":{"S":"a"},"b":{"BS":["@"]}}}`), 400,
			coral + "SerializationException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			c.handler.ServeHTTP(w, c.request)
			var document struct {
				Type string `json:"__type"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
				t.Fatalf("the response is not JSON: %v", err)
			}
			if w.Code != c.status || document.Type != c.kind {
				t.Errorf("got %d %q, want %d %q", w.Code, document.Type, c.status, c.kind)
			}
			if c.status != http.StatusOK && strings.Contains(w.Body.String(), "hidden") {
				t.Error("an error response contains the secret")
			}
		})
	}
}

// header replaces the values of a header.
func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del(name)
		for _, value := range values {
			r.Header.Add(name, value)
		}
	}
}

func method(name string) func(*http.Request) { return func(r *http.Request) { r.Method = name } }
