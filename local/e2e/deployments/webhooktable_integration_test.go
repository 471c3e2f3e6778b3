//go:build integration

package deployments

import (
	"testing"

	"billingportal/functions/integrationtest"
)

// TestTablesOfDynamoDBLocal runs the contracts of both functions with their tables, and the erasure
// of users, against the real DynamoDB Local.
func TestTablesOfDynamoDBLocal(t *testing.T) {
	endpoint := integrationtest.DynamoDBLocal(t)
	t.Run("webhook", func(t *testing.T) { testWebhookTable(t, endpoint) })
	t.Run("portal", func(t *testing.T) { testPortalTables(t, endpoint) })
	t.Run("erasure", func(t *testing.T) { testErasure(t, endpoint) })
}
