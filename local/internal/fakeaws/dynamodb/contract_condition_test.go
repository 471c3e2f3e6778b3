package dynamodb_test

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func conditionContract() []contractCase {
	x, y := item{":v": text("x")}, item{":v": text("y")}
	kind := func(kind string) item { return item{":t": text(kind)} }
	const syntax = "Invalid ConditionExpression: Syntax error; ..."
	cases := []contractCase{
		{name: "an empty condition is refused", call: check("", nil), fails: validation,
			says: "Invalid ConditionExpression: The expression can not be empty;"},
		{name: "a condition of white space is refused", call: check(" ", nil), fails: validation, says: syntax},
		{name: "a path alone is refused", call: check("a", nil), fails: validation, says: syntax},
		{name: "a condition that ends early is refused", call: check("a = :v AND", x), fails: validation, says: syntax},
		{name: "a condition followed by another token is refused", call: check("a = :v a", x),
			fails: validation, says: syntax},
		{name: "an open parenthesis is refused", call: check("(a = :v", x), fails: validation, says: syntax},
		{name: "doubled parentheses are refused", call: check("((a = :v))", x), fails: validation,
			says: "Invalid ConditionExpression: The expression has redundant parentheses;"},
		{name: "an undefined value is refused in a condition", call: check("a = :w", x), fails: validation,
			says: "Invalid ConditionExpression: An expression attribute value used in expression is not defined; " +
				"attribute value: :w"},
		{name: "an undefined name is refused in a condition", call: check("#a = :v", x), fails: validation,
			says: "Invalid ConditionExpression: An expression attribute name used in the document path is not " +
				"defined; attribute name: #a"},
		{name: "a reserved word is refused in a condition", call: check("name = :v", x), fails: validation,
			says: "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: name"},
		{name: "a comparison with itself is refused", call: check("a = a", nil), fails: validation,
			says: "Invalid ConditionExpression: The first operand must be distinct from the remaining operands for " +
				"this operator or function; operator: =, first operand: [a]"},
		{name: "an unknown function is refused", call: check("attribute_is(a)", nil), fails: validation,
			says: "Invalid ConditionExpression: Invalid function name; function: attribute_is"},
		{name: "a function in capitals is refused", call: check("ATTRIBUTE_EXISTS(a)", nil), fails: validation,
			says: "Invalid ConditionExpression: Invalid function name; function: ATTRIBUTE_EXISTS"},
		{name: "attribute_exists of a value is refused", call: check("attribute_exists(:v)", x), fails: validation,
			says: "Invalid ConditionExpression: Operator or function requires a document path; operator or function: " +
				"attribute_exists"},
		{name: "one argument too many is refused", call: check("attribute_exists(a, n)", nil), fails: validation,
			says: "Invalid ConditionExpression: Incorrect number of operands for operator or function; operator or " +
				"function: attribute_exists, number of operands: 2"},
		{name: "an unknown type is refused",
			call: check("attribute_type(a, :t)", kind("Q")), fails: validation,
			says: "Invalid ConditionExpression: Invalid attribute type name found; type: Q, valid types: " +
				"{N,BS,L,B,NULL,M,S,SS,NS,BOOL}"},
		{name: "a type given as a number is refused",
			call: check("attribute_type(a, :t)", item{":t": number("1")}), fails: validation,
			says: "Invalid ConditionExpression: Incorrect operand type for operator or function; operator or " +
				"function: attribute_type, operand type: N"},
	}
	for _, c := range []struct {
		condition string
		values    item
		holds     bool
	}{
		{"a = :v", x, true},
		{"a = :v", y, false},
		{":v = a", x, true},
		{"a <> :v", y, true},
		{"a <> :v", x, false},
		{"q = :v", x, false},
		{"q <> :v", x, true},
		{"m.k = :v", item{":v": text("v")}, true},
		{"m.k.q = :v", x, false},
		{"a = n", nil, false},
		{"n = :v", item{":v": number("5.00")}, true},
		{"n = :v", item{":v": text("5")}, false},
		{"nothing = :v", item{":v": &types.AttributeValueMemberNULL{Value: true}}, true},
		{"m = :v", item{":v": object(item{"k": text("v")})}, true},
		{"m = :v", item{":v": object(item{"k": text("v"), "l": text("v")})}, false},
		{"ids = :v", item{":v": set("b", "a")}, true},
		{"ids = :v", item{":v": set("a")}, false},
		{"many = :v", item{":v": &types.AttributeValueMemberL{Value: []types.AttributeValue{text("1")}}}, true},
		{"attribute_exists(a)", nil, true},
		{"attribute_exists(nothing)", nil, true},
		{"attribute_exists(m.k)", nil, true},
		{"attribute_exists(m.q)", nil, false},
		{"attribute_not_exists(q)", nil, true},
		{"attribute_not_exists(q.r)", nil, true},
		{"attribute_not_exists(a.b.c)", nil, true},
		{"attribute_not_exists(a)", nil, false},
		{"size(ids) < :n", item{":n": number("3")}, true},
		{"size(ids) < :n", item{":n": number("2.5")}, true},
		{"size(ids) < :n", item{":n": number("2")}, false},
		{"size(many) < :n", item{":n": number("2")}, true},
		{"size(many) < :n", item{":n": number("1")}, false},
		{"size(m) < :n", item{":n": number("2")}, true},
		{"size(m.k) < :n", item{":n": number("-1")}, false},
		{"size(n) < :n", item{":n": number("9")}, false},
		{"size(q) < :n", item{":n": number("9")}, false},
		{"NOT size(q) < :n", item{":n": number("9")}, true},
		{"attribute_not_exists(q) AND (attribute_not_exists(ids) OR size(ids) < :n)", item{":n": number("3")}, true},
		{"attribute_type(m, :t)", kind("M"), true},
		{"attribute_type(ids, :t)", kind("SS"), true},
		{"attribute_type(nothing, :t)", kind("NULL"), true},
		{"attribute_type(a, :t)", kind("M"), false},
		{"attribute_type(q, :t)", kind("M"), false},
		{"NOT attribute_exists(q) AND a = :v", x, true},
		{"NOT (attribute_exists(q) AND a = :v)", x, true},
		{"NOT NOT a = :v", x, true},
		{"a = :v or q = :v and q = :v", x, true},
		{"(a = :v OR q = :v) AND q = :v", x, false},
		{"(a = :v) AND (attribute_exists(n))", x, true},
		{"((a = :v) AND (attribute_exists(n))) OR attribute_exists(q)", x, true},
	} {
		held := contractCase{name: "condition " + c.condition, call: check(c.condition, c.values)}
		if c.holds {
			held.want = updatedWith(item{"b": text("y")})
		} else {
			held.fails, held.says = conditionFailed, refusal
		}
		cases = append(cases, held)
	}
	allOld := types.ReturnValuesOnConditionCheckFailureAllOld
	return append(cases,
		contractCase{name: "a condition that fails returns the item if asked", call: refusedBy("updated", allOld),
			want: updated(), fails: conditionFailed, says: refusal},
		contractCase{name: "a condition that fails returns nothing by default", call: refusedBy("updated", ""),
			want: item(nil), fails: conditionFailed, says: refusal},
		contractCase{name: "a condition that fails returns nothing if there is no item",
			call: refusedBy("absent", allOld), want: item(nil), fails: conditionFailed, says: refusal},
	)
}

// refusedBy returns the item that came with the error of a failed condition.
func refusedBy(user string, which types.ReturnValuesOnConditionCheckFailure) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		if err := putItem(client, "customers", updated()); err != nil {
			return nil, err
		}
		_, err := updateItem(client, &dynamodb.UpdateItemInput{
			TableName: aws.String("customers"), Key: item{"user_id": text(user)},
			ReturnValuesOnConditionCheckFailure: which,
			UpdateExpression:                    aws.String("SET b = :v"), ConditionExpression: aws.String("b = :v"),
			ExpressionAttributeValues: item{":v": text("y")},
		})
		var refused *types.ConditionalCheckFailedException
		if !errors.As(err, &refused) {
			return nil, err
		}
		return refused.Item, err
	}
}

const (
	conditionFailed = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
	refusal         = "The conditional request failed"
)

// check updates an item with a condition and reads it back.
func check(condition string, values item) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		if err := putItem(client, "customers", updated()); err != nil {
			return nil, err
		}
		all := item{":b": text("y")}
		for said, value := range values {
			all[said] = value
		}
		return updateItem(client, &dynamodb.UpdateItemInput{
			TableName: aws.String("customers"), Key: item{"user_id": text("updated")},
			ReturnValues:     types.ReturnValueAllNew,
			UpdateExpression: aws.String("SET b = :b"), ConditionExpression: &condition, ExpressionAttributeValues: all,
		})
	}
}
