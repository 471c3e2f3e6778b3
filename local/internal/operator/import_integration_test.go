//go:build integration

package operator

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/integrationtest"
	"billingportal/local/internal/devserver"
)

// An import into DynamoDB Local, a file for DynamoDB's own import, and an import into the stand-in
// make the same table.
func TestImportIntoDynamoDBLocal(t *testing.T) {
	endpoint := integrationtest.DynamoDBLocal(t)
	client := dynamodb.New(dynamodb.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	for _, table := range []string{devserver.CustomersTable, "bulk"} {
		_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
			TableName: aws.String(table), BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("user_id"),
				AttributeType: types.ScalarAttributeTypeS}},
			KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("user_id"), KeyType: types.KeyTypeHash}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	c := newCompany(t, 1000)
	if output, err := c.run(t); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if output, err := c.run(t, "--endpoint-url", endpoint); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	out := filepath.Join(t.TempDir(), "items.json.gz")
	if output, err := c.run(t, "--format", "dynamodb-json", "--out", out); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	putAll(t, client, "bulk", bulkItems(t, out))
	want := items(t, c.client, devserver.CustomersTable)
	if len(want) != 2*900 { // users and customers
		t.Errorf("%d items", len(want))
	}
	for _, table := range []string{devserver.CustomersTable, "bulk"} {
		if got := items(t, client, table); !maps.Equal(got, want) {
			t.Errorf("%s: %d items, want %d, or others", table, len(got), len(want))
		}
	}
}
