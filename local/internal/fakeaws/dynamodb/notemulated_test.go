package dynamodb_test

import (
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"billingportal/local/internal/fakeaws/dynamodb"
	"billingportal/local/internal/fakeaws/fakeawstest"
)

// Anything that works here must also work on AWS. A feature that works only on AWS is rejected with
// an error that names it.
func TestUnsupportedFeaturesAreRejectedByName(t *testing.T) {
	dynamo := dynamodb.NewServer()
	if err := dynamo.CreateTable("customers", "user_id"); err != nil {
		t.Fatal(err)
	}
	const values = `,"ExpressionAttributeValues":{":v":{"N":"1"}}`
	for name, c := range map[string]struct{ operation, parameters string }{
		"an element of a list":    {"GetItem", `"ProjectionExpression":"a[0]"`},
		"a sum":                   {"UpdateItem", `"UpdateExpression":"SET a = a + :v"` + values},
		"a difference":            {"UpdateItem", `"UpdateExpression":"SET a = a - :v"` + values},
		"a function in an update": {"UpdateItem", `"UpdateExpression":"SET a = if_not_exists(a, :v)"` + values},
		"a comparison with <":     {"UpdateItem", `"ConditionExpression":"a < :v"` + values},
		"BETWEEN":                 {"UpdateItem", `"ConditionExpression":"a between :v AND :v"` + values},
		"IN":                      {"UpdateItem", `"ConditionExpression":"a IN (:v)"` + values},
		"begins_with":             {"UpdateItem", `"ConditionExpression":"begins_with(a, :v)"` + values},
		"ReturnValues of members of maps": {"UpdateItem",
			`"UpdateExpression":"SET a.b = :v","ReturnValues":"UPDATED_NEW"` + values},
		"a comparison with a size": {"UpdateItem", `"ConditionExpression":"size(a) > :v"` + values},

		"an old-style condition": {"UpdateItem", `"Expected":{}`},
	} {
		t.Run(name, func(t *testing.T) {
			if err := dynamo.Put("customers", map[string]any{"user_id": "alice", "a": map[string]any{}}); err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			dynamo.ServeHTTP(w, fakeawstest.Signed("dynamodb", "DynamoDB_20120810."+c.operation,
				`{"TableName":"customers","Key":{"user_id":{"S":"alice"}},`+c.parameters+`}`))
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "ValidationException") ||
				!strings.Contains(w.Body.String(), "not emulated") {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestEveryDynamoDBResponseHasAChecksum(t *testing.T) {
	for name, request := range map[string]*http.Request{
		"an answer": fakeawstest.Signed("dynamodb", "DynamoDB_20120810.CreateTable",
			`{"TableName":"customers","BillingMode":"PAY_PER_REQUEST",
			"AttributeDefinitions":[{"AttributeName":"k","AttributeType":"S"}],"KeySchema":[{"AttributeName":"k",`+
				`"KeyType":"HASH"}]}`),
		"an error": fakeawstest.Signed("dynamodb", "DynamoDB_20120810.Nonsense", `{}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			dynamodb.NewServer().ServeHTTP(w, request)
			want := strconv.FormatUint(uint64(crc32.ChecksumIEEE(w.Body.Bytes())), 10)
			if got := w.Header().Get("X-Amz-Crc32"); got != want {
				t.Errorf("X-Amz-Crc32 is %q, want %q", got, want)
			}
		})
	}
}
