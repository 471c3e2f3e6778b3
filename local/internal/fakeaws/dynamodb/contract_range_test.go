package dynamodb_test

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// rangeContract covers a table whose key has two parts.
func rangeContract() []contractCase {
	const limits = "Hash primary key values must be under 2048 bytes, and range primary key values must be under " +
		"1024 bytes"
	const missing = "One of the required keys was not given a value"
	const mismatch = "One or more parameter values were invalid: Type mismatch for key"
	pair := func(pk, sk types.AttributeValue) item { return item{"pk": pk, "sk": sk} }
	alice, billing := text("USER#alice"), text("BILLING")
	return []contractCase{
		{name: "an item is found by both parts of its key", call: getKey("sorted", pair(alice, billing)),
			want: item{"pk": alice, "sk": billing, "customer": text("cus_1")}},
		{name: "another range key is another item", call: getKey("sorted", pair(alice, text("PROFILE"))),
			want: item{"pk": alice, "sk": text("PROFILE")}},
		{name: "keys whose parts join to the same text are different",
			call: getKey("sorted", pair(text("USER#aliceB"), text("ILLING"))), want: item(nil)},
		{name: "an update finds an item by both parts of its key",
			call: updatePair(pair(alice, text("UPDATED")), "SET a = :v"),
			want: item{"pk": alice, "sk": text("UPDATED"), "a": text("y")}},
		{name: "a range key of 1024 bytes is found",
			call: getKey("sorted", pair(alice, text(strings.Repeat("k", 1024)))), want: item(nil)},

		{name: "a range key of 1025 bytes is refused",
			call: getKey("sorted", pair(alice, text(strings.Repeat("k", 1025)))), fails: validation, says: limits},
		{name: "a hash key alone is refused", call: getKey("sorted", item{"pk": alice}), fails: validation,
			says: "The number of conditions on the keys is invalid"},
		{name: "a range key with another name is refused", call: getKey("sorted", item{"pk": alice, "x": billing}),
			fails: validation, says: missing},
		{name: "a range key of another type is refused", call: getKey("sorted", pair(alice, number("1"))),
			fails: validation, says: mismatch},
		{name: "an empty range key is refused", call: getKey("sorted", pair(alice, text(""))), fails: validation,
			says: "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain " +
				"an empty string value. Key: sk"},
		{name: "an item without its range key is refused", call: put("sorted", item{"pk": alice}),
			fails: validation, says: missing},
		{name: "an update of the range key is refused",
			call: updatePair(pair(alice, billing), "SET sk = :v"), fails: validation,
			says: "One or more parameter values were invalid: Cannot update attribute sk. This attribute is part of " +
				"the key"},

		{name: "a table is described with both parts of its key", call: describeKey("sorted"),
			want: []string{"pk HASH", "sk RANGE"}},
		{name: "two hash keys are refused",
			call:  createSorted(func(in *dynamodb.CreateTableInput) { in.KeySchema[1].KeyType = types.KeyTypeHash }),
			fails: validation,
			says:  "Too many hash keys specified.  All Dynamo DB tables must have exactly one hash key"},
		{name: "a range key before the hash key is refused", fails: validation,
			call: createSorted(func(in *dynamodb.CreateTableInput) {
				in.KeySchema[0].KeyType, in.KeySchema[1].KeyType = types.KeyTypeRange, types.KeyTypeHash
			}),
			says: "Invalid key order. Hash Key must be specified first in key schema..."},
		{name: "one attribute as both parts of a key is refused", fails: validation,
			call: createSorted(func(in *dynamodb.CreateTableInput) {
				in.KeySchema[1].AttributeName = aws.String("pk")
			}),
			says: "Two keys can not have the same name"},
		{name: "a range key without a definition is refused", fails: validation,
			call: createSorted(func(in *dynamodb.CreateTableInput) { in.KeySchema[1].AttributeName = aws.String("x") }),
			says: "Range Key not specified in Attribute Definitions.  Type unknown."},
		{name: "a key of three parts is refused", fails: validation,
			call: createSorted(func(in *dynamodb.CreateTableInput) {
				in.KeySchema = append(in.KeySchema, in.KeySchema[1])
			}),
			says: "Key Schema too big.  Key Schema must at most consist of the hash and range key of a table"},
	}
}

func sortedInput(name string) *dynamodb.CreateTableInput {
	in := tableInput(name, "pk", types.ScalarAttributeTypeS)
	in.AttributeDefinitions = append(in.AttributeDefinitions,
		types.AttributeDefinition{AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeS})
	in.KeySchema = append(in.KeySchema,
		types.KeySchemaElement{AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange})
	return in
}

// createSorted tries to create a table from an input with one error.
func createSorted(change func(*dynamodb.CreateTableInput)) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		in := sortedInput("changed")
		change(in)
		return client.CreateTable(context.Background(), in)
	}
}

func describeKey(table string) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		out, err := client.DescribeTable(context.Background(), &dynamodb.DescribeTableInput{TableName: &table})
		if err != nil {
			return nil, err
		}
		var key []string
		for _, element := range out.Table.KeySchema {
			key = append(key, *element.AttributeName+" "+string(element.KeyType))
		}
		return key, nil
	}
}

func updatePair(key item, expression string) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		return updateItem(client, &dynamodb.UpdateItemInput{
			TableName: aws.String("sorted"), Key: key, ReturnValues: types.ReturnValueAllNew,
			UpdateExpression: &expression, ExpressionAttributeValues: item{":v": text("y")},
		})
	}
}
