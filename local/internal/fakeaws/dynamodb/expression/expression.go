// Package expression reads and evaluates the expressions in DynamoDB requests: the attributes that
// a read returns, the condition of an update, and the changes of an update.
// It is strict: it rejects the parts of the DynamoDB grammar that it does not implement, and names
// them. Errors are those of DynamoDB (fakeaws.Error, a ValidationException), with the messages of
// DynamoDB Local.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
package expression

import "encoding/json"

// ParseUpdate reads the UpdateExpression and the ConditionExpression of a request. Without an
// UpdateExpression nothing changes, and without a ConditionExpression the condition is always true.
// names and values are the ExpressionAttributeNames and ExpressionAttributeValues of the request.
// ParseUpdate returns an error if one of them is unused.
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
