package dynamodb_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func projectionContract() []contractCase {
	const syntax = "Invalid ProjectionExpression: Syntax error; ..."
	const overlap = "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or " +
		"rewrite one of these paths; " +
		"path one: [customer_id], path two: [customer_id]"
	return []contractCase{
		{name: "a projection keeps one attribute", call: project("customer_id", nil),
			want: item{"customer_id": text("cus_1")}},
		{name: "a projection can use a placeholder", call: project("#c", names{"#c": "customer_id"}),
			want: item{"customer_id": text("cus_1")}},
		{name: "a projection can name several attributes", call: project(" #c , since", names{"#c": "customer_id"}),
			want: item{"customer_id": text("cus_1"), "since": number("2026")}},
		{name: "a placeholder can be a number", call: project("#0", names{"#0": "since"}),
			want: item{"since": number("2026")}},
		{name: "a projection to a missing attribute is an empty item", call: project("absent", nil), want: item{}},
		{name: "a name behind a placeholder is not split at dots",
			call: project("#c", names{"#c": "customer.id"}), want: item{}},
		{name: "a reserved word works behind a placeholder", call: project("#n", names{"#n": "name"}),
			want: item{"name": text("Alice")}},

		{name: "a path keeps a member of a map, and the map around it",
			call: projectOf("nested", "customer_id.ids", nil),
			want: item{"customer_id": object(item{"ids": &types.AttributeValueMemberL{
				Value: []types.AttributeValue{text("cus_1"), &types.AttributeValueMemberBOOL{Value: true}}}})}},
		{name: "two paths keep two members of one map",
			call: projectOf("nested", "customer_id.ids, customer_id.#raw", names{"#raw": "raw"}),
			want: item{"customer_id": object(item{"raw": &types.AttributeValueMemberB{Value: []byte("x")},
				"ids": &types.AttributeValueMemberL{
					Value: []types.AttributeValue{text("cus_1"), &types.AttributeValueMemberBOOL{Value: true}}}})}},
		{name: "a path to a missing member is an empty item",
			call: projectOf("nested", "customer_id.absent", nil), want: item{}},
		{name: "a path into a string is an empty item", call: project("customer_id.ids", nil), want: item{}},
		{name: "a path can consist of placeholders",
			call: project("#a.#b", names{"#a": "customer_id", "#b": "ids"}), want: item{}},

		{name: "a map and its member together are refused",
			call: projectOf("nested", "customer_id, customer_id.ids", nil), fails: validation,
			says: "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite " +
				"one of these paths; " +
				"path one: [customer_id], path two: [customer_id, ids]"},
		{name: "a path that ends in a dot is refused", call: project("customer_id.", nil),
			fails: validation, says: syntax},
		{name: "a path that begins with a dot is refused", call: project(".customer_id", nil),
			fails: validation, says: syntax},
		{name: "a path with two dots is refused", call: project("customer_id..ids", nil),
			fails: validation, says: syntax},
		{name: "a path to a reserved word is refused", call: project("customer_id.name", nil), fails: validation,
			says: "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: name"},
		{name: "placeholders without a projection are refused",
			call: projectNothing(names{"#c": "customer_id"}), fails: validation,
			says: "ExpressionAttributeNames can only be specified when using expressions..."},
		{name: "a reserved word is refused", call: project("name", nil), fails: validation,
			says: "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: name"},
		{name: "a reserved word is refused in any case", call: project("Status", nil), fails: validation,
			says: "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: Status"},
		{name: "an empty projection is refused", call: project("", nil), fails: validation,
			says: "Invalid ProjectionExpression: The expression can not be empty;"},
		{name: "an undefined placeholder is refused",
			call: project("#c", names{"#d": "customer_id"}), fails: validation,
			says: "Invalid ProjectionExpression: An expression attribute name used in the document path is not " +
				"defined; attribute name: #c"},
		{name: "an unused placeholder is refused",
			call: project("since", names{"#c": "customer_id"}), fails: validation,
			says: "Value provided in ExpressionAttributeNames unused in expressions: keys: {#c}"},
		{name: "a placeholder without # is refused", call: project("#c", names{"c": "customer_id"}), fails: validation,
			says: `ExpressionAttributeNames contains invalid key: Syntax error; key: "c"`},
		{name: "a placeholder with other characters is refused",
			call: project("#c-d", names{"#c-d": "customer_id"}), fails: validation,
			says: `ExpressionAttributeNames contains invalid key: Syntax error; key: "#c-d"`},
		{name: "a placeholder for an empty name is refused", call: project("#c", names{"#c": ""}), fails: validation,
			says: "ExpressionAttributeNames contains invalid value: Empty attribute name for key #c"},
		{name: "an empty map of placeholders is refused", call: project("since", names{}), fails: validation,
			says: "ExpressionAttributeNames must not be empty"},
		{name: "an attribute named twice is refused", call: project("customer_id,customer_id", nil),
			fails: validation, says: overlap},
		{name: "an attribute named twice by a placeholder is refused",
			call:  project("customer_id,#c", names{"#c": "customer_id"}),
			fails: validation, says: overlap},
		{name: "a comma at the end is refused", call: project("customer_id,", nil), fails: validation,
			says: syntax},
		{name: "a hyphen is refused", call: project("customer-id", nil), fails: validation,
			says: syntax},
		{name: "a space inside is refused", call: project("customer id", nil), fails: validation, says: syntax},
		{name: "a digit at the start is refused", call: project("1st", nil), fails: validation, says: syntax},
		{name: "an underscore at the start is refused", call: project("_id", nil), fails: validation, says: syntax},
		{name: "a value placeholder is refused", call: project(":c", nil), fails: validation,
			says: syntax},
		{name: "a missing table is reported before a bad projection", call: projectIn("nowhere", "customer_id,", nil),
			fails: notFound, says: noSuchTable},
	}
}

func project(expression string, substitutes names) func(*dynamodb.Client) (any, error) {
	return projectIn("customers", expression, substitutes)
}

func projectIn(table, expression string, substitutes names) func(*dynamodb.Client) (any, error) {
	return projected(&dynamodb.GetItemInput{
		TableName: &table, Key: item{"user_id": text("alice")},
		ProjectionExpression: &expression, ExpressionAttributeNames: substitutes,
	})
}

func projectOf(user, expression string, substitutes names) func(*dynamodb.Client) (any, error) {
	return projected(&dynamodb.GetItemInput{
		TableName: aws.String("customers"), Key: item{"user_id": text(user)},
		ProjectionExpression: &expression, ExpressionAttributeNames: substitutes,
	})
}

func projectNothing(substitutes names) func(*dynamodb.Client) (any, error) {
	return projected(&dynamodb.GetItemInput{
		TableName: aws.String("customers"), Key: item{"user_id": text("alice")}, ExpressionAttributeNames: substitutes,
	})
}

func projected(in *dynamodb.GetItemInput) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		out, err := client.GetItem(context.Background(), in)
		if err != nil {
			return nil, err
		}
		return out.Item, nil
	}
}
