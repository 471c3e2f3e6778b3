package dynamodb_test

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func putItemContract() []contractCase {
	return []contractCase{
		{name: "a put item is read back", call: putThenGet(item{"user_id": text("put"), "customer_id": text("cus_2")}),
			want: item{"user_id": text("put"), "customer_id": text("cus_2")}},
		{name: "a put replaces the whole item", call: putThenGet(item{"user_id": text("put"), "other": text("x")}),
			want: item{"user_id": text("put"), "other": text("x")}},

		{name: "an item without its key is refused",
			call: put("customers", item{"customer_id": text("cus_1")}), fails: validation,
			says: "One of the required keys was not given a value"},
		{name: "an item without attributes is refused", call: put("customers", item{}), fails: validation,
			says: "One of the required keys was not given a value"},
		{name: "an item with a key of another type is refused",
			call: put("customers", item{"user_id": number("1")}), fails: validation,
			says: "One or more parameter values were invalid: Type mismatch for key"},
		{name: "an item with an empty key is refused",
			call: put("customers", item{"user_id": text("")}), fails: validation,
			says: "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain " +
				"an empty string value. Key: user_id"},
		{name: "an item with a key of 2049 bytes is refused",
			call: put("customers", item{"user_id": text(strings.Repeat("k", 2049))}), fails: validation,
			says: "Hash primary key values must be under 2048 bytes, and range primary key values must be under 1024 " +
				"bytes"},
		{name: "an attribute without a name is refused",
			call: put("customers", item{"user_id": text("a"), "": text("x")}), fails: validation,
			says: "Empty attribute name"},
		{name: "a NULL that is false is refused", call: put("customers",
			item{"user_id": text("a"), "n": &types.AttributeValueMemberNULL{}}), fails: validation,
			says: "One or more parameter values were invalid: Null attribute value types must have the value of true"},
		{name: "an N value that is not a number is refused",
			call: put("customers", item{"user_id": text("a"), "n": number("x")}), fails: validation,
			says: "A value provided cannot be converted into a number"},
		{name: "a number of 39 digits is refused",
			call: put("customers", item{"user_id": text("a"), "n": number(strings.Repeat("1", 39))}), fails: validation,
			says: "DynamoDB only supports precision up to 38 digits"},
		{name: "a number that is too large is refused",
			call: put("customers", item{"user_id": text("a"), "n": number("1e126")}), fails: validation,
			says: "Number overflow. Attempting to store a number with magnitude larger than supported range"},
		{name: "a number that is too small is refused",
			call: put("customers", item{"user_id": text("a"), "n": number("1e-131")}), fails: validation,
			says: "Number underflow. Attempting to store a number with magnitude smaller than supported range"},
		{name: "an item over 400 KB is refused", call: put("customers",
			item{"user_id": text("a"), "x": text(strings.Repeat("x", 410_000))}), fails: validation,
			says: "Item size has exceeded the maximum allowed size"},
		{name: "a put to a missing table is refused", call: put("nowhere", item{"user_id": text("a")}),
			fails: notFound, says: noSuchTable},

		{name: "1e10 is stored without its exponent", call: stored("1e10"), want: "10000000000"},
		{name: "-1.50e-5 is stored without its exponent", call: stored("-1.50e-5"), want: "-0.000015"},
		{name: "-0 is stored as 0", call: stored("-0"), want: "0"},
		{name: "+.5 is stored as 0.5", call: stored("+.5"), want: "0.5"},
		{name: "the largest number is stored", call: stored("9.9e125"), want: "99" + strings.Repeat("0", 124)},
		{name: "the smallest number is stored", call: stored("1e-130"), want: "0." + strings.Repeat("0", 129) + "1"},
	}
}

func putItem(client *dynamodb.Client, table string, attributes item) error {
	_, err := client.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &table, Item: attributes})
	return err
}

func put(table string, attributes item) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) { return nil, putItem(client, table, attributes) }
}

func putThenGet(attributes item) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		if err := putItem(client, "customers", attributes); err != nil {
			return nil, err
		}
		return get("customers", attributes["user_id"])(client)
	}
}

// stored returns a number as DynamoDB stores it.
func stored(n string) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		got, err := putThenGet(item{"user_id": text("number"), "n": number(n)})(client)
		if err != nil {
			return nil, err
		}
		return got.(item)["n"].(*types.AttributeValueMemberN).Value, nil
	}
}
