//go:build realparts

package main

import (
	"testing"

	"billingportal/local/internal/dynamodblocal"
)

// TestWebhookTableOfDynamoDBLocal runs the contract of the webhook with its table against the real DynamoDB Local.
func TestWebhookTableOfDynamoDBLocal(t *testing.T) {
	testWebhookTable(t, dynamodblocal.Start(t))
}
