// Package expression reads and evaluates the expressions of DynamoDB's requests: which attributes a
// read returns, on what condition an item is updated, and what an update changes.
//
// It is strict: a part of DynamoDB's grammar that is not emulated is refused by name and never
// ignored. Errors are those of DynamoDB (fakeaws.Error, a ValidationException) in the words of
// DynamoDB Local.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
package expression

import "encoding/json"

// ParseUpdate reads an UpdateExpression and the ConditionExpression of the same request. Without
// the one nothing changes, and without the other the condition always holds. names and values are
// the request's ExpressionAttributeNames and ExpressionAttributeValues. It is an error if one of
// them is not used.
func ParseUpdate(update, condition *string, names map[string]string,
	values map[string]json.RawMessage) (Update, Condition, error) {
	placeholders, err := newPlaceholders(names, values,
		expressions{"UpdateExpression": update, "ConditionExpression": condition})
	if err != nil {
		return nil, nil, err
	}
	changes, err := parseUpdate(update, placeholders)
	if err != nil {
		return nil, nil, err
	}
	holds, err := parseCondition(condition, placeholders)
	if err != nil {
		return nil, nil, err
	}
	return changes, holds, placeholders.checkUsed()
}
