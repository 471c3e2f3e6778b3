package dynamodb_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	fakedynamodb "billingportal/local/internal/fakeaws/dynamodb"
	"billingportal/local/internal/fakeaws/fakeawstest"
)

// contractCase is a case of the contract of the DynamoDB fake. TestDynamoDBContract runs the cases
// against the fake. TestDynamoDBLocalContract, which needs Java, runs them against DynamoDB Local.
type contractCase struct {
	name string
	call func(*dynamodb.Client) (any, error)
	want any // the part of the response that the case checks; nil if it checks only an error
	// The __type and message of the expected error. A message that ends in "..." is a prefix.
	fails, says string
}

func TestDynamoDBContract(t *testing.T) {
	testDynamoDBContract(t, fakeawstest.Serve(t, fakedynamodb.NewServer()))
}

// Browsers must not store the responses of the fake.
func TestResponsesAreNotCached(t *testing.T) {
	response, err := http.Post(fakeawstest.Serve(t, fakedynamodb.NewServer()), "application/x-amz-json-1.0",
		strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if got := response.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
}

// testDynamoDBContract runs the contract against the DynamoDB at endpoint, which must not have
// tables yet.
func testDynamoDBContract(t *testing.T, endpoint string) {
	seen := new(fakeawstest.LastAnswer)
	client := dynamoClient(endpoint, seen)
	seedContract(t, client)
	for _, c := range contract() {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.call(client)
			if c.fails == "" {
				if err != nil {
					t.Fatalf("got error %v, want a response", err)
				}
				if !reflect.DeepEqual(got, c.want) {
					t.Errorf("got %#v, want %#v", got, c.want)
				}
				checkAnswer(t, seen, http.StatusOK, "")
				return
			}
			var failure smithy.APIError
			if !errors.As(err, &failure) {
				t.Fatalf("got %v, want an error of the API", err)
			}
			if got, _ := seen.Document["Message"].(string); !says(got, c.says) {
				t.Errorf("message is %q, want %q", got, c.says)
			}
			if c.want != nil && !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %#v with the error, want %#v", got, c.want)
			}
			checkAnswer(t, seen, http.StatusBadRequest, c.fails)
			if want := c.fails[strings.Index(c.fails, "#")+1:]; failure.ErrorCode() != want {
				t.Errorf("the SDK sees %q, want %q", failure.ErrorCode(), want)
			}
		})
	}
}

func says(got, want string) bool {
	if start, ok := strings.CutSuffix(want, "..."); ok {
		return strings.HasPrefix(got, start)
	}
	return got == want
}

func seedContract(t *testing.T, client *dynamodb.Client) {
	t.Helper()
	for name, kind := range map[string]types.ScalarAttributeType{
		"customers": types.ScalarAttributeTypeS,
		"numbered":  types.ScalarAttributeTypeN,
	} {
		if _, err := client.CreateTable(context.Background(), tableInput(name, "user_id", kind)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.CreateTable(context.Background(), sortedInput("sorted")); err != nil {
		t.Fatal(err)
	}
	for _, item := range []map[string]types.AttributeValue{
		{"pk": text("USER#alice"), "sk": text("BILLING"), "customer": text("cus_1")},
		{"pk": text("USER#alice"), "sk": text("PROFILE")},
	} {
		if err := putItem(client, "sorted", item); err != nil {
			t.Fatal(err)
		}
	}
	for _, item := range []map[string]types.AttributeValue{
		{"user_id": text("alice"), "customer_id": text("cus_1"), "name": text("Alice"), "since": number("2026")},
		{"user_id": text("null"), "customer_id": &types.AttributeValueMemberNULL{Value: true}},
		{"user_id": text("number"), "customer_id": number("0042.50")},
		{"user_id": text("empty"), "customer_id": text("")},
		{"user_id": text("large"), "customer_id": text(strings.Repeat("x", 4096))},
		{"user_id": text("nested"), "customer_id": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
			"ids": &types.AttributeValueMemberL{Value: []types.AttributeValue{text("cus_1"),
				&types.AttributeValueMemberBOOL{Value: true}}},
			"raw": &types.AttributeValueMemberB{Value: []byte("x")},
		}}},
		{"user_id": text(strings.Repeat("k", 2048)), "customer_id": text("cus_long")},
	} {
		if err := putItem(client, "customers", item); err != nil {
			t.Fatal(err)
		}
	}
	if err := putItem(client, "numbered", map[string]types.AttributeValue{"user_id": number("7.0")}); err != nil {
		t.Fatal(err)
	}
}

const (
	validation = "com.amazon.coral.validate#ValidationException"
	notFound   = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"
	inUse      = "com.amazonaws.dynamodb.v20120810#ResourceInUseException"
	unknown    = "com.amazonaws.dynamodb.v20120810#UnknownOperationException"

	badTableName = "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, " +
		"and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'"
	noSuchTable = "Cannot do operations on a non-existent table"
)

func contract() []contractCase {
	return slices.Concat(scanContract(), getItemContract(), projectionContract(),
		putItemContract(), updateItemContract(),
		conditionContract(), rangeContract(), tableContract())
}
