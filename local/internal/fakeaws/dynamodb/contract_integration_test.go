//go:build integration

package dynamodb_test

import (
	"testing"

	"billingportal/local/internal/fakeaws/dynamodb/dynamodblocal"
)

// TestDynamoDBLocalContract runs the contract of the stand-in against the real
// DynamoDB Local.
func TestDynamoDBLocalContract(t *testing.T) {
	testDynamoDBContract(t, dynamodblocal.Start(t))
}
