package dynamodb_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func tableContract() []contractCase {
	return []contractCase{
		{name: "a table is active at once and described with its key", call: describe("customers"),
			want: description{types.TableStatusActive, "user_id", types.ScalarAttributeTypeS}},
		{name: "the description of a missing table is refused", call: describe("nowhere"),
			fails: notFound, says: noSuchTable},
		{name: "creating a table twice is refused",
			call: create(func(in *dynamodb.CreateTableInput) { in.TableName = aws.String("customers") }), fails: inUse,
			says: "Cannot create preexisting table"},
		{name: "a table with an invalid name is refused",
			call: create(func(in *dynamodb.CreateTableInput) { in.TableName = aws.String("a b") }), fails: validation,
			says: badTableName},
		{name: "a table without throughput is refused",
			call: create(func(in *dynamodb.CreateTableInput) { in.BillingMode = "" }), fails: validation,
			says: "No provisioned throughput specified for the table"},
		{name: "a table with a key of a non-key type is refused", fails: validation,
			call: create(func(in *dynamodb.CreateTableInput) { in.AttributeDefinitions[0].AttributeType = "BOOL" }),
			says: "Member must satisfy enum value set: [B, N, S]"},
		{name: "a table without a key is refused", call: create(func(in *dynamodb.CreateTableInput) {
			in.KeySchema = []types.KeySchemaElement{}
		}), fails: validation,
			says: "No defined key schema.  A key schema containing at least a hash key must be defined for all tables"},
		{name: "a table without a hash key is refused", fails: validation,
			call: create(func(in *dynamodb.CreateTableInput) { in.KeySchema[0].KeyType = types.KeyTypeRange }),
			says: "No Hash Key specified in schema.  All Dynamo DB tables must have exactly one hash key"},
		{name: "a key without a definition is refused", fails: validation,
			call: create(func(in *dynamodb.CreateTableInput) { in.KeySchema[0].AttributeName = aws.String("id") }),
			says: "Hash Key not specified in Attribute Definitions.  Type unknown."},
		{name: "a definition without a key is refused", fails: validation,
			call: create(func(in *dynamodb.CreateTableInput) {
				in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
					AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS})
			}),
			says: "The number of attributes in key schema must match the number of attributes defined in attribute " +
				"definitions."},

		{name: "an unknown operation is refused", call: nonsense, fails: unknown,
			says: "An unknown operation was requested."},
	}
}

// description is the part of a table description that clients need.
type description struct {
	status types.TableStatus
	key    string
	kind   types.ScalarAttributeType
}

func describe(table string) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		out, err := client.DescribeTable(context.Background(), &dynamodb.DescribeTableInput{TableName: &table})
		if err != nil {
			return nil, err
		}
		return description{out.Table.TableStatus, *out.Table.KeySchema[0].AttributeName,
			out.Table.AttributeDefinitions[0].AttributeType}, nil
	}
}

// tableInput describes a table with a hash key.
func tableInput(name, key string, kind types.ScalarAttributeType) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName:            &name,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: &key, AttributeType: kind}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: &key, KeyType: types.KeyTypeHash}},
		BillingMode:          types.BillingModePayPerRequest,
	}
}

// create tries to create a table from an input with one error.
func create(change func(*dynamodb.CreateTableInput)) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		in := tableInput("changed", "user_id", types.ScalarAttributeTypeS)
		change(in)
		return client.CreateTable(context.Background(), in)
	}
}

// nonsense requests an operation that DynamoDB does not have.
func nonsense(client *dynamodb.Client) (any, error) {
	return client.DescribeTable(context.Background(), &dynamodb.DescribeTableInput{TableName: aws.String("customers")},
		func(o *dynamodb.Options) { o.HTTPClient = retarget{o.HTTPClient, "DynamoDB_20120810.Nonsense"} })
}
