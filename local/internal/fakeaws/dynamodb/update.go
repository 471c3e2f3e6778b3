package dynamodb

import (
	"encoding/json"
	"slices"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
	"billingportal/local/internal/fakeaws/dynamodb/expression"
)

// updateInput is a request to change or create an item.
type updateInput struct {
	TableName                           *string
	Key                                 map[string]json.RawMessage
	UpdateExpression                    *string
	ConditionExpression                 *string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           map[string]json.RawMessage
	ReturnValues                        string
	ReturnValuesOnConditionCheckFailure string
	ReturnConsumedCapacity              string
}

// update is a checked updateInput.
type update struct {
	key     map[string]attribute.Value
	holds   expression.Condition
	changes expression.Update
}

func (d *Server) updateItem(body []byte) (any, error) {
	var in updateInput
	if err := d.Decode(body, &in, "TableName", "Key", "UpdateExpression", "ConditionExpression",
		"ExpressionAttributeNames",
		"ExpressionAttributeValues", "ReturnValues", "ReturnValuesOnConditionCheckFailure",
		"ReturnConsumedCapacity"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.tableOf(in.TableName)
	if err != nil {
		return nil, err
	}
	u, err := in.parse(t)
	if err != nil {
		return nil, err
	}
	index, err := t.indexOf(u.key)
	if err != nil {
		return nil, err
	}
	before, _ := t.items.get(index)
	if !u.holds(before) {
		refusal := modelError("ConditionalCheckFailedException", "The conditional request failed")
		if in.ReturnValuesOnConditionCheckFailure == "ALL_OLD" && before != nil {
			refusal.Item = before
		}
		return nil, refusal
	}
	after, err := u.changes.Apply(before, u.key)
	if err != nil {
		return nil, err
	}
	if attribute.SizeOf(after) > maxItem {
		return nil, attribute.ValidationException("Item size to update has exceeded the maximum allowed size")
	}
	returned, err := u.returned(in.ReturnValues, before, after)
	if err != nil {
		return nil, err
	}
	if err := t.items.put(index, after); err != nil {
		return nil, err
	}
	return struct {
		Attributes       map[string]attribute.Value `json:",omitempty"`
		ConsumedCapacity *consumedCapacity          `json:",omitempty"`
	}{returned, capacity(in.ReturnConsumedCapacity, t.name,
		float64(max(1, (max(attribute.SizeOf(before), attribute.SizeOf(after))+1023)/1024)))}, nil
}

// parse checks everything that can be checked without the item.
func (in updateInput) parse(t *table) (u update, err error) {
	if !slices.Contains([]string{"", "NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"}, in.ReturnValues) {
		return u, attribute.ValidationException("Return values set to invalid value")
	}
	if !slices.Contains([]string{"", "NONE", "ALL_OLD"}, in.ReturnValuesOnConditionCheckFailure) {
		return u, attribute.ValidationException("Return values on condition check failure set to invalid value")
	}
	u.changes, u.holds, err = expression.ParseUpdate(in.UpdateExpression, in.ConditionExpression,
		in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if err != nil {
		return u, err
	}
	if u.key, err = t.parseKey(in.Key); err != nil {
		return u, err
	}
	return u, t.checkUnchanged(u.changes.Paths())
}

// checkUnchanged rejects changes of a key, because another key is another item.
func (t *table) checkUnchanged(changed []expression.Path) error {
	for _, path := range changed {
		if t.isKey(path[0]) {
			return attribute.ValidationException("One or more parameter values were invalid: Cannot update attribute " +
				path[0] +
				". This attribute is part of the key")
		}
	}
	return nil
}

// returned returns the part of the item that ReturnValues selects. It rejects updates of map
// members, because DynamoDB and DynamoDB Local return different parts of the map.
func (u update) returned(which string, before, after map[string]attribute.Value) (map[string]attribute.Value, error) {
	item := after
	switch which {
	case "", "NONE":
		return nil, nil
	case "ALL_OLD":
		return before, nil
	case "ALL_NEW":
		return after, nil
	case "UPDATED_OLD":
		item = before
	}
	updated := u.changes.Paths()
	if slices.ContainsFunc(updated, func(p expression.Path) bool { return len(p) > 1 }) {
		return nil, attribute.ValidationException("ReturnValues of members of maps are not emulated on this endpoint.")
	}
	return expression.Project(item, updated), nil
}
