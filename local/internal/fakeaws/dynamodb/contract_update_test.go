package dynamodb_test

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func set(elements ...string) types.AttributeValue {
	return &types.AttributeValueMemberSS{Value: elements}
}

func object(members item) types.AttributeValue { return &types.AttributeValueMemberM{Value: members} }

// updated returns the item with which each case starts.
func updated() item {
	return item{
		"user_id": text("updated"), "a": text("x"), "n": number("5"),
		"m": object(item{"k": text("v")}), "ids": set("a", "b"),
		"nothing": &types.AttributeValueMemberNULL{Value: true},
		"many":    &types.AttributeValueMemberL{Value: []types.AttributeValue{text("1")}},
		"ns":      &types.AttributeValueMemberNS{Value: []string{"9"}},
		"bs":      &types.AttributeValueMemberBS{Value: [][]byte{[]byte("x")}},
		"yes":     &types.AttributeValueMemberBOOL{Value: true},
		"data":    &types.AttributeValueMemberB{Value: []byte("x")},
	}
}

// updatedWith returns that item with some attributes changed; nil removes an attribute.
func updatedWith(changes item) item {
	all := updated()
	for name, value := range changes {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	return all
}

func updateItemContract() []contractCase {
	v := item{":v": text("y")}
	const badPath = "The document path provided in the update expression is invalid for update"
	const badOperand = "An operand in the update expression has an incorrect data type"
	const isKey = "One or more parameter values were invalid: Cannot update attribute user_id. This attribute is " +
		"part of the key"
	const syntax = "Invalid UpdateExpression: Syntax error; ..."
	return []contractCase{
		{name: "SET replaces an attribute and leaves all others unchanged, of any type", call: update("SET a = :v", v),
			want: updatedWith(item{"a": text("y")})},
		{name: "SET adds an attribute", call: update("SET b = :v", v), want: updatedWith(item{"b": text("y")})},
		{name: "SET replaces a member of a map", call: update("SET m.k = :v", v),
			want: updatedWith(item{"m": object(item{"k": text("y")})})},
		{name: "SET adds a member to a map", call: update("SET m.l = :v", v),
			want: updatedWith(item{"m": object(item{"k": text("v"), "l": text("y")})})},
		{name: "SET copies the old value of an attribute that changes later", call: update("SET b = a, a = :v", v),
			want: updatedWith(item{"a": text("y"), "b": text("x")})},
		{name: "SET copies the old value of an attribute that changed earlier",
			call: update("SET a = :v, b = a", v), want: updatedWith(item{"a": text("y"), "b": text("x")})},
		{name: "SET replaces NULL with a map",
			call: update("SET nothing = :v", item{":v": object(item{"k": object(item{})})}),
			want: updatedWith(item{"nothing": object(item{"k": object(item{})})})},
		{name: "REMOVE removes attributes", call: update("REMOVE a, m.k", nil),
			want: updatedWith(item{"a": nil, "m": object(item{})})},
		{name: "REMOVE of missing attributes changes nothing", call: update("REMOVE b, m.l", nil), want: updated()},
		{name: "ADD adds to a number", call: update("ADD n :v", item{":v": number("-7.25")}),
			want: updatedWith(item{"n": number("-2.25")})},
		{name: "ADD to a missing number sets it", call: update("ADD b :v", item{":v": number("1.5")}),
			want: updatedWith(item{"b": number("1.5")})},
		{name: "ADD adds only new elements to a set", call: update("ADD ids :v", item{":v": set("c", "a")}),
			want: updatedWith(item{"ids": set("a", "b", "c")})},
		{name: "ADD to a missing set sets it", call: update("ADD b :v", item{":v": set("c", "a")}),
			want: updatedWith(item{"b": set("a", "c")})},
		{name: "ADD adds to sets of numbers and of bytes", call: update("ADD ns :n, bs :b", item{
			":n": &types.AttributeValueMemberNS{Value: []string{"8", "9.0"}},
			":b": &types.AttributeValueMemberBS{Value: [][]byte{[]byte("y")}}}),
			want: updatedWith(item{"ns": &types.AttributeValueMemberNS{Value: []string{"8", "9"}},
				"bs": &types.AttributeValueMemberBS{Value: [][]byte{[]byte("x"), []byte("y")}}})},
		{name: "ADD creates a set in a map", call: update("ADD m.ids :v", item{":v": set("c")}),
			want: updatedWith(item{"m": object(item{"k": text("v"), "ids": set("c")})})},
		{name: "DELETE removes elements from a set", call: update("DELETE ids :v", item{":v": set("a", "c")}),
			want: updatedWith(item{"ids": set("b")})},
		{name: "DELETE of all elements removes the set",
			call: update("DELETE ids :v", item{":v": set("a", "b", "c")}), want: updatedWith(item{"ids": nil})},
		{name: "DELETE from a missing set changes nothing",
			call: update("DELETE b :v", item{":v": set("a")}), want: updated()},
		{name: "DELETE works together with SET",
			call: update("SET b = :w DELETE ids :v", item{":v": set("a"), ":w": text("y")}),
			want: updatedWith(item{"b": text("y"), "ids": set("b")})},
		{name: "sections come in any order and case",
			call: update("remove a add n :n set b = :v", item{":n": number("1"), ":v": text("y")}),
			want: updatedWith(item{"a": nil, "n": number("6"), "b": text("y")})},
		{name: "an update without an expression creates the item", call: updateKey("made", nil, nil),
			want: item{"user_id": text("made")}},
		{name: "an update creates a missing item",
			call: updateKey("made too", aws.String("SET a = :v ADD b :w"), item{":v": text("y"), ":w": set("1")}),
			want: item{"user_id": text("made too"), "a": text("y"), "b": set("1")}},

		{name: "SET in a missing map is refused", call: update("SET q.k = :v", v),
			fails: validation, says: badPath},
		{name: "SET in a string is refused", call: update("SET a.k = :v", v), fails: validation, says: badPath},
		{name: "SET in NULL is refused", call: update("SET nothing.k = :v", v), fails: validation, says: badPath},
		{name: "REMOVE in a missing map is refused", call: update("REMOVE q.k", nil),
			fails: validation, says: badPath},
		{name: "ADD in a missing map is refused", call: update("ADD q.k :v", item{":v": set("c")}),
			fails: validation, says: badPath},
		{name: "SET from a missing attribute is refused", call: update("SET b = q", nil), fails: validation,
			says: "The provided expression refers to an attribute that does not exist in the item"},
		{name: "ADD to a string is refused", call: update("ADD a :v", item{":v": number("1")}),
			fails: validation, says: badOperand},
		{name: "ADD of a set to a number is refused", call: update("ADD n :v", item{":v": set("1")}),
			fails: validation, says: badOperand},
		{name: "ADD of a set to a set of another type is refused",
			call:  update("ADD ids :v", item{":v": &types.AttributeValueMemberNS{Value: []string{"1"}}}),
			fails: validation, says: badOperand},
		{name: "DELETE from a set of another type is refused",
			call:  update("DELETE ids :v", item{":v": &types.AttributeValueMemberNS{Value: []string{"1"}}}),
			fails: validation, says: badOperand},
		{name: "DELETE of a string is refused", call: update("DELETE ids :v", v), fails: validation,
			says: "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, " +
				"operand type: ..."},
		{name: "ADD of a string is refused", call: update("ADD b :v", v), fails: validation,
			says: "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand " +
				"type: ..."},
		{name: "ADD of an attribute is refused", call: update("ADD ids a", nil), fails: validation, says: syntax},
		{name: "an empty set is refused", call: update("SET b = :v", item{":v": set()}), fails: validation,
			says: "ExpressionAttributeValues contains invalid value: One or more parameter values were invalid: An " +
				"string set  may not be empty for key :v"},
		{name: "a set with a duplicate element is refused",
			call: update("SET b = :v", item{":v": set("c", "c")}), fails: validation,
			says: "ExpressionAttributeValues contains invalid value: One or more parameter values were invalid: " +
				"Input collection [c, c] contains duplicates..."},
		{name: "the key cannot be set", call: update("SET user_id = :v", v), fails: validation, says: isKey},
		{name: "the key cannot be removed", call: update("REMOVE user_id", nil), fails: validation, says: isKey},
		{name: "an item that grows over 400 KB is refused",
			call: update("SET b = :v", item{":v": text(strings.Repeat("x", 410_000))}), fails: validation,
			says: "Item size to update has exceeded the maximum allowed size"},

		{name: "an empty update is refused", call: update("", nil), fails: validation,
			says: "Invalid UpdateExpression: The expression can not be empty;"},
		{name: "an update of white space is refused", call: update(" ", nil), fails: validation, says: syntax},
		{name: "an unknown section is refused", call: update("PUT a = :v", v), fails: validation, says: syntax},
		{name: "a section without an action is refused", call: update("SET", nil), fails: validation, says: syntax},
		{name: "a SET without a value is refused", call: update("SET a =", nil), fails: validation, says: syntax},
		{name: "a SET without an equals sign is refused", call: update("SET a :v", v), fails: validation, says: syntax},
		{name: "a comma at the end of a section is refused", call: update("REMOVE a,", nil),
			fails: validation, says: syntax},
		{name: "a section twice is refused", call: update("SET a = :v SET b = :v", v), fails: validation,
			says: `Invalid UpdateExpression: The "SET" section can only be used once in an update expression;`},
		{name: "an attribute updated twice is refused", call: update("SET a = :v REMOVE a", v), fails: validation,
			says: "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one " +
				"of these paths; path one: [a], path two: [a]"},
		{name: "an update of a map and its member is refused",
			call: update("SET m.k = :v REMOVE m", v), fails: validation,
			says: "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one " +
				"of these paths; path one: [m, k], path two: [m]"},
		{name: "a reserved word is refused in an update", call: update("SET name = :v", v), fails: validation,
			says: "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: name"},
		{name: "a reserved word in capitals is refused in an update",
			call: update("SET NAME = :v", v), fails: validation,
			says: "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: NAME"},
		{name: "an undefined value is refused", call: update("SET a = :w", v), fails: validation,
			says: "Invalid UpdateExpression: An expression attribute value used in expression is not defined; " +
				"attribute value: :w"},
		{name: "an unused value is refused",
			call: update("SET a = :v", item{":v": text("y"), ":w": text("z")}), fails: validation,
			says: "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}"},
		{name: "a value without : is refused", call: update("SET a = :v", item{"v": text("y")}), fails: validation,
			says: `ExpressionAttributeValues contains invalid key: Syntax error; key: "v"`},
		{name: "an empty map of values is refused", call: update("REMOVE a", item{}), fails: validation,
			says: "ExpressionAttributeValues must not be empty"},
		{name: "values without an expression are refused", call: updateKey("updated", nil, v), fails: validation,
			says: "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and " +
				"ConditionExpression are null"},
		{name: "an update of a missing table is refused",
			call: updateIn("nowhere", item{"user_id": text("a")}), fails: notFound, says: noSuchTable},
		{name: "an update without a key is refused", call: updateIn("customers", item{}), fails: validation,
			says: "The number of conditions on the keys is invalid"},
		{name: "an update by a key with another name is refused",
			call: updateIn("customers", item{"id": text("a")}), fails: validation,
			says: "One of the required keys was not given a value"},
		{name: "an update by an empty key is refused",
			call: updateIn("customers", item{"user_id": text("")}), fails: validation,
			says: "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain " +
				"an empty string value. Key: user_id"},

		{name: "nothing is returned by default", call: returning("", "SET a = :v"), want: item(nil)},
		{name: "NONE returns nothing", call: returning(types.ReturnValueNone, "SET a = :v"), want: item(nil)},
		{name: "ALL_OLD returns the old item",
			call: returning(types.ReturnValueAllOld, "SET a = :v"), want: updated()},
		{name: "ALL_NEW returns the new item", call: returning(types.ReturnValueAllNew, "SET a = :v"),
			want: updatedWith(item{"a": text("y")})},
		{name: "UPDATED_OLD returns the old values of the updated attributes",
			call: returning(types.ReturnValueUpdatedOld, "SET a = :v, b = :v"), want: item{"a": text("x")}},
		{name: "UPDATED_NEW returns the new values of the updated attributes",
			call: returning(types.ReturnValueUpdatedNew, "SET a = :v REMOVE n"), want: item{"a": text("y")}},
		{name: "other ReturnValues are refused", call: returning("SOME", "SET a = :v"), fails: validation,
			says: "Return values set to invalid value"},
		{name: "ALL_OLD returns nothing for a new item",
			call: newItemReturning(types.ReturnValueAllOld), want: item(nil)},
		{name: "ALL_NEW returns a new item", call: newItemReturning(types.ReturnValueAllNew),
			want: item{"user_id": text("new ALL_NEW"), "a": text("y")}},
	}
}

func updateItem(client *dynamodb.Client, in *dynamodb.UpdateItemInput) (item, error) {
	out, err := client.UpdateItem(context.Background(), in)
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

// update changes the item and reads it back.
func update(expression string, values item) func(*dynamodb.Client) (any, error) {
	return updateKey("updated", &expression, values)
}

func updateKey(user string, expression *string, values item) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		if err := putItem(client, "customers", updated()); err != nil {
			return nil, err
		}
		_, err := updateItem(client, &dynamodb.UpdateItemInput{
			TableName: aws.String("customers"), Key: item{"user_id": text(user)},
			UpdateExpression: expression, ExpressionAttributeValues: values,
		})
		if err != nil {
			return nil, err
		}
		return get("customers", text(user))(client)
	}
}

// updateIn updates an item in a missing table or by an invalid key.
func updateIn(table string, key item) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		return updateItem(client,
			&dynamodb.UpdateItemInput{TableName: &table, Key: key, UpdateExpression: aws.String("REMOVE a")})
	}
}

func returning(which types.ReturnValue, expression string) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		if err := putItem(client, "customers", updated()); err != nil {
			return nil, err
		}
		return updateItem(client, &dynamodb.UpdateItemInput{
			TableName: aws.String("customers"), Key: item{"user_id": text("updated")},
			UpdateExpression: &expression, ExpressionAttributeValues: item{":v": text("y")}, ReturnValues: which,
		})
	}
}

func newItemReturning(which types.ReturnValue) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		return updateItem(client, &dynamodb.UpdateItemInput{
			TableName: aws.String("customers"), Key: item{"user_id": text("new " + string(which))},
			UpdateExpression:          aws.String("SET a = :v"),
			ExpressionAttributeValues: item{":v": text("y")}, ReturnValues: which,
		})
	}
}
