package dynamodb_test

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func getItemContract() []contractCase {
	return []contractCase{
		{name: "an item is returned with all attributes", call: get("customers", text("alice")),
			want: item{"user_id": text("alice"), "customer_id": text("cus_1"), "name": text("Alice"),
				"since": number("2026")}},
		{name: "a missing item is a response without an item", call: get("customers", text("nobody")), want: item(nil)},
		{name: "keys are case-sensitive", call: get("customers", text("Alice")), want: item(nil)},
		{name: "a NULL attribute stays NULL", call: get("customers", text("null")),
			want: item{"user_id": text("null"), "customer_id": &types.AttributeValueMemberNULL{Value: true}}},
		{name: "a number loses its zeros", call: get("customers", text("number")),
			want: item{"user_id": text("number"), "customer_id": number("42.5")}},
		{name: "an empty string is a valid value", call: get("customers", text("empty")),
			want: item{"user_id": text("empty"), "customer_id": text("")}},
		{name: "maps, lists, booleans and bytes keep their types", call: get("customers", text("nested")),
			want: item{"user_id": text("nested"), "customer_id": &types.AttributeValueMemberM{Value: item{
				"ids": &types.AttributeValueMemberL{Value: []types.AttributeValue{text("cus_1"),
					&types.AttributeValueMemberBOOL{Value: true}}},
				"raw": &types.AttributeValueMemberB{Value: []byte("x")},
			}}}},
		{name: "a key of 2048 bytes is found", call: get("customers", text(strings.Repeat("k", 2048))),
			want: item{"user_id": text(strings.Repeat("k", 2048)), "customer_id": text("cus_long")}},
		{name: "a number is found by its value", call: get("numbered", number("7")),
			want: item{"user_id": number("7")}},
		{name: "a table can be named by its ARN",
			call: get("arn:aws:dynamodb:us-east-1:000000000000:table/numbered", number("7")),
			want: item{"user_id": number("7")}},

		{name: "a key of 2049 bytes is refused",
			call: get("customers", text(strings.Repeat("k", 2049))), fails: validation,
			says: "Hash primary key values must be under 2048 bytes, and range primary key values must be under 1024 " +
				"bytes"},
		{name: "the limit counts bytes, not characters",
			call: get("customers", text(strings.Repeat("é", 1025))), fails: validation,
			says: "Hash primary key values must be under 2048 bytes, and range primary key values must be under 1024 " +
				"bytes"},
		{name: "an empty key string is refused", call: get("customers", text("")), fails: validation,
			says: "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain " +
				"an empty string value. Key: user_id"},
		{name: "a key with another name is refused",
			call: getKey("customers", item{"id": text("alice")}), fails: validation,
			says: "One of the required keys was not given a value"},
		{name: "a key of another type is refused", call: get("customers", number("1")), fails: validation,
			says: "One or more parameter values were invalid: Type mismatch for key"},
		{name: "a string for a number key is refused", call: get("numbered", text("7")), fails: validation,
			says: "One or more parameter values were invalid: Type mismatch for key"},
		{name: "a number key that is not a number is refused",
			call: get("numbered", number("seven")), fails: validation,
			says: "A value provided cannot be converted into a number"},
		{name: "a key of a non-key type is refused",
			call: get("customers", &types.AttributeValueMemberBOOL{Value: true}), fails: validation,
			says: "Invalid attribute value type"},
		{name: "a NULL key is refused",
			call: get("customers", &types.AttributeValueMemberNULL{Value: true}), fails: validation,
			says: "Invalid attribute value type"},
		{name: "a key with one attribute too many is refused",
			call: getKey("customers", item{"user_id": text("alice"), "x": text("y")}), fails: validation,
			says: "The number of conditions on the keys is invalid"},
		{name: "a key without attributes is refused", call: getKey("customers", item{}), fails: validation,
			says: "The number of conditions on the keys is invalid"},
		{name: "a missing table is refused", call: get("nowhere", text("alice")),
			fails: notFound, says: noSuchTable},
		{name: "a missing table is reported before a bad key", call: get("nowhere", text("")),
			fails: notFound, says: noSuchTable},
		{name: "a short table name is refused", call: get("no", text("alice")),
			fails: validation, says: badTableName},
		{name: "a table name with other characters is refused", call: get("cust omers", text("alice")),
			fails: validation, says: badTableName},

		{name: "a consistent read of up to 4 KB takes one unit",
			call: units("alice", true, types.ReturnConsumedCapacityTotal), want: 1.0},
		{name: "an eventually consistent read takes half a unit",
			call: units("alice", false, types.ReturnConsumedCapacityTotal), want: 0.5},
		{name: "a consistent read of more than 4 KB takes two units",
			call: units("large", true, types.ReturnConsumedCapacityTotal), want: 2.0},
		{name: "a missing item takes one unit",
			call: units("nobody", true, types.ReturnConsumedCapacityTotal), want: 1.0},
		{name: "consumed capacity is returned in detail",
			call: units("alice", true, types.ReturnConsumedCapacityIndexes), want: 1.0},
		{name: "consumed capacity is not returned by default",
			call: units("alice", true, types.ReturnConsumedCapacityNone), want: nil},
	}
}

// get reads an item by the key attribute user_id with a consistent read, like the product.
func get(table string, key types.AttributeValue) func(*dynamodb.Client) (any, error) {
	return getKey(table, item{"user_id": key})
}

func getKey(table string, key item) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		out, err := client.GetItem(context.Background(), &dynamodb.GetItemInput{
			TableName: &table, Key: key, ConsistentRead: aws.Bool(true),
		})
		if err != nil {
			return nil, err
		}
		return out.Item, nil
	}
}

func units(user string, consistent bool, detail types.ReturnConsumedCapacity) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		out, err := client.GetItem(context.Background(), &dynamodb.GetItemInput{
			TableName: aws.String("customers"), Key: item{"user_id": text(user)},
			ConsistentRead: &consistent, ReturnConsumedCapacity: detail,
		})
		if err != nil || out.ConsumedCapacity == nil {
			return nil, err
		}
		return *out.ConsumedCapacity.CapacityUnits, nil
	}
}
