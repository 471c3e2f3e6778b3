//go:build integration

package dynamodb_test

import (
	"testing"

	"billingportal/functions/integrationtest"
)

// TestDynamoDBLocalContract runs the contract of the fake against the real DynamoDB Local.
func TestDynamoDBLocalContract(t *testing.T) {
	testDynamoDBContract(t, integrationtest.DynamoDBLocal(t))
}
