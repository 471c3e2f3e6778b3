package awswire_test

import (
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"billingportal/local/internal/awswire"
)

// What never comes from an SDK is AWS's to define, not DynamoDB Local's: that
// answers most of it with a status of 500.
func TestRequestsAreRefused(t *testing.T) {
	dynamo, secrets := awswire.NewDynamoDB(), awswire.NewSecretsManager()
	if err := dynamo.CreateTable("customers", "user_id"); err != nil {
		t.Fatal(err)
	}
	secrets.Put("stripe", "hidden")
	const coral = "com.amazon.coral.service#"
	dynamoGet := func(changes ...func(*http.Request)) *http.Request {
		return signed("dynamodb", "DynamoDB_20120810.GetItem", `{"TableName":"customers","Key":{"user_id":{"S":"alice"}}}`, changes...)
	}
	secretGet := func(changes ...func(*http.Request)) *http.Request {
		return signed("secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"stripe"}`, changes...)
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
		{"a web page's request is refused", dynamo, dynamoGet(header("Origin", "http://127.0.0.1:8080")), 403, coral + "AccessDeniedException"},
		{"a web page's request for a secret is refused", secrets, secretGet(header("Origin", "http://127.0.0.1:8080")), 403, "AccessDeniedException"},
		{"a page without an origin of its own is refused", secrets, secretGet(header("Origin", "null")), 403, "AccessDeniedException"},
		{"an empty origin is one", secrets, secretGet(header("Origin", "")), 403, "AccessDeniedException"},
		{"a navigation is refused", secrets, secretGet(header("Sec-Fetch-Site", "none")), 403, "AccessDeniedException"},
		{"a preflight is refused", secrets, secretGet(method(http.MethodOptions)), 400, "UnknownOperationException"},
		{"a GET is refused", secrets, secretGet(method(http.MethodGet)), 400, "UnknownOperationException"},
		{"a request without a target is refused", secrets, secretGet(header("X-Amz-Target")), 400, "UnknownOperationException"},
		{"a target without an operation is refused", secrets, secretGet(header("X-Amz-Target", "secretsmanager")), 400, "UnknownOperationException"},
		{"another service's target is refused", secrets, secretGet(header("X-Amz-Target", "DynamoDB_20120810.GetItem")), 400, "UnknownOperationException"},
		{"an operation that is not emulated is refused", secrets, secretGet(header("X-Amz-Target", "secretsmanager.ListSecrets")), 400, "UnknownOperationException"},
		{"an operation on tables that is not emulated is refused", dynamo, dynamoGet(header("X-Amz-Target", "DynamoDB_20120810.Query")), 400, unknown},

		{"an unsigned request is refused", dynamo, dynamoGet(header("Authorization")), 400, coral + "MissingAuthenticationTokenException"},
		{"an unsigned request for a secret is refused", secrets, secretGet(header("Authorization")), 400, "MissingAuthenticationTokenException"},
		{"a bearer token is no signature", dynamo, dynamoGet(header("Authorization", "Bearer x")), 400, coral + "MissingAuthenticationTokenException"},
		{"a signature of another version is refused", dynamo, dynamoGet(header("Authorization", "AWS4-HMAC-MD5 x")), 400, coral + "IncompleteSignatureException"},
		{"a signature without its parts is refused", dynamo, dynamoGet(header("Authorization", "AWS4-HMAC-SHA256 garbled")), 400, coral + "IncompleteSignatureException"},
		{"a signature without a date is refused", dynamo, dynamoGet(header("X-Amz-Date")), 400, coral + "IncompleteSignatureException"},
		{"a credential without a scope is refused", dynamo,
			dynamoGet(header("Authorization", "AWS4-HMAC-SHA256 Credential=AKID, SignedHeaders=host, Signature=00")), 400, coral + "UnrecognizedClientException"},
		{"a signature for another service is refused", dynamo, dynamoGet(header("Authorization", authorization("secretsmanager"))), 400, coral + "InvalidSignatureException"},

		{"a body that is no JSON is refused", dynamo, dynamoGet(body("nonsense")), 400, coral + "SerializationException"},
		{"a body that is no object is refused", dynamo, dynamoGet(body("[]")), 400, coral + "SerializationException"},
		{"a body that is null is refused", secrets, secretGet(body("null")), 400, "SerializationException"},
		{"an empty body is refused", secrets, secretGet(body("")), 400, "SerializationException"},
		{"a parameter of another type is refused", dynamo, dynamoGet(body(`{"TableName":1}`)), 400, coral + "SerializationException"},
		{"an attribute that is no object is refused", dynamo, dynamoGet(body(`{"TableName":"customers","Key":{"user_id":"alice"}}`)), 400, coral + "SerializationException"},
		{"an attribute whose value is of another type is refused", dynamo, dynamoGet(body(`{"TableName":"customers","Key":{"user_id":{"S":1}}}`)), 400, coral + "SerializationException"},
		{"bytes that are no base64 are refused", dynamo, dynamoGet(body(`{"TableName":"customers","Key":{"user_id":{"B":"@"}}}`)), 400, coral + "SerializationException"},
		{"an attribute without a type is refused", dynamo, dynamoGet(body(`{"TableName":"customers","Key":{"user_id":{}}}`)), 400, validation},
		{"an attribute of two types is refused", dynamo, dynamoGet(body(`{"TableName":"customers","Key":{"user_id":{"S":"a","N":"1"}}}`)), 400, validation},
		{"a missing table name is refused", dynamo, dynamoGet(body(`{}`)), 400, validation},
		{"a missing key is refused", dynamo, dynamoGet(body(`{"TableName":"customers"}`)), 400, validation},
		{"a body over 1 MiB is refused", dynamo, dynamoGet(body(strings.Repeat(" ", 1<<20+1))), 413, coral + "RequestEntityTooLargeException"},

		{"a parameter that is not emulated is refused", dynamo, dynamoGet(body(`{"TableName":"customers","AttributesToGet":["a"]}`)), 400, coral + "ValidationException"},
		{"a set is no key", dynamo, dynamoGet(body(`{"TableName":"customers","Key":{"user_id":{"SS":["a"]}}}`)), 400, validation},
		{"an update without a key is refused", dynamo, signed("dynamodb", "DynamoDB_20120810.UpdateItem", `{"TableName":"customers"}`), 400, validation},
		{"a value whose bytes are no base64 is refused", dynamo,
			signed("dynamodb", "DynamoDB_20120810.PutItem", `{"TableName":"customers","Item":{"user_id":{"S":"a"},"b":{"BS":["@"]}}}`), 400, coral + "SerializationException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			c.handler.ServeHTTP(w, c.request)
			var document struct {
				Type string `json:"__type"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
				t.Fatalf("the answer is no JSON: %v", err)
			}
			if w.Code != c.status || document.Type != c.kind {
				t.Errorf("got %d %q, want %d %q", w.Code, document.Type, c.status, c.kind)
			}
			if c.status != http.StatusOK && strings.Contains(w.Body.String(), "hidden") {
				t.Error("a refusal holds the secret")
			}
		})
	}
}

// Nothing works here that would not work on AWS, and what works there alone is
// refused in so many words.
func TestWhatIsNotEmulatedSaysSo(t *testing.T) {
	dynamo := awswire.NewDynamoDB()
	if err := dynamo.CreateTable("customers", "user_id"); err != nil {
		t.Fatal(err)
	}
	const values = `,"ExpressionAttributeValues":{":v":{"N":"1"}}`
	for name, c := range map[string]struct{ operation, parameters string }{
		"an element of a list":         {"GetItem", `"ProjectionExpression":"a[0]"`},
		"a sum":                        {"UpdateItem", `"UpdateExpression":"SET a = a + :v"` + values},
		"a difference":                 {"UpdateItem", `"UpdateExpression":"SET a = a - :v"` + values},
		"a function in an update":      {"UpdateItem", `"UpdateExpression":"SET a = if_not_exists(a, :v)"` + values},
		"a comparison of order":        {"UpdateItem", `"ConditionExpression":"a < :v"` + values},
		"BETWEEN":                      {"UpdateItem", `"ConditionExpression":"a between :v AND :v"` + values},
		"IN":                           {"UpdateItem", `"ConditionExpression":"a IN (:v)"` + values},
		"begins_with":                  {"UpdateItem", `"ConditionExpression":"begins_with(a, :v)"` + values},
		"what was updated within maps": {"UpdateItem", `"UpdateExpression":"SET a.b = :v","ReturnValues":"UPDATED_NEW"` + values},
		"a comparison with a size":     {"UpdateItem", `"ConditionExpression":"size(a) > :v"` + values},

		"a condition of old": {"UpdateItem", `"Expected":{}`},
	} {
		t.Run(name, func(t *testing.T) {
			if err := dynamo.Put("customers", map[string]any{"user_id": "alice", "a": map[string]any{}}); err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			dynamo.ServeHTTP(w, signed("dynamodb", "DynamoDB_20120810."+c.operation,
				`{"TableName":"customers","Key":{"user_id":{"S":"alice"}},`+c.parameters+`}`))
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "ValidationException") || !strings.Contains(w.Body.String(), "not emulated") {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestEveryAnswerOfDynamoDBHasItsChecksum(t *testing.T) {
	for name, request := range map[string]*http.Request{
		"an answer": signed("dynamodb", "DynamoDB_20120810.CreateTable", `{"TableName":"customers","BillingMode":"PAY_PER_REQUEST",
			"AttributeDefinitions":[{"AttributeName":"k","AttributeType":"S"}],"KeySchema":[{"AttributeName":"k","KeyType":"HASH"}]}`),
		"an error": signed("dynamodb", "DynamoDB_20120810.Nonsense", `{}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			awswire.NewDynamoDB().ServeHTTP(w, request)
			want := strconv.FormatUint(uint64(crc32.ChecksumIEEE(w.Body.Bytes())), 10)
			if got := w.Header().Get("X-Amz-Crc32"); got != want {
				t.Errorf("X-Amz-Crc32 is %q, want %q", got, want)
			}
		})
	}
}

func authorization(service string) string {
	return "AWS4-HMAC-SHA256 Credential=LOCAL/20260101/us-east-1/" + service +
		"/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=00"
}

// signed is a request as an SDK sends it, then changed.
func signed(service, target, body string, changes ...func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("X-Amz-Date", "20260101T000000Z")
	r.Header.Set("Authorization", authorization(service))
	for _, change := range changes {
		change(r)
	}
	return r
}

// header replaces a header's values.
func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del(name)
		for _, value := range values {
			r.Header.Add(name, value)
		}
	}
}

func method(name string) func(*http.Request) { return func(r *http.Request) { r.Method = name } }
