package awswire

import (
	"encoding/json"
	"net/http"
	"slices"
)

// updateInput is a request to change an item, or to make one.
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

// update is what such a request asks for, checked.
type update struct {
	key     map[string]attribute
	holds   condition
	actions []action
}

func (d *DynamoDB) updateItem(body []byte) (any, error) {
	var in updateInput
	if err := d.decode(body, &in, "TableName", "Key", "UpdateExpression", "ConditionExpression", "ExpressionAttributeNames",
		"ExpressionAttributeValues", "ReturnValues", "ReturnValuesOnConditionCheckFailure", "ReturnConsumedCapacity"); err != nil {
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
		refusal := &refusedItem{apiError: &apiError{http.StatusBadRequest, dynamoModel + "ConditionalCheckFailedException", "The conditional request failed"}}
		if in.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
			refusal.item = before
		}
		return nil, refusal
	}
	after, err := u.applied(before)
	if err != nil {
		return nil, err
	}
	returned, err := u.returned(in.ReturnValues, before, after)
	if err != nil {
		return nil, err
	}
	if err := t.items.put(index, after); err != nil {
		return nil, err
	}
	return struct {
		Attributes       map[string]attribute `json:",omitempty"`
		ConsumedCapacity *consumedCapacity    `json:",omitempty"`
	}{returned, capacity(in.ReturnConsumedCapacity, t.name, float64(max(1, (max(sizeOf(before), sizeOf(after))+1023)/1024)))}, nil
}

// parse checks all that can be checked without the item.
func (in updateInput) parse(t *table) (u update, err error) {
	if !slices.Contains([]string{"", "NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"}, in.ReturnValues) {
		return u, invalid("Return values set to invalid value")
	}
	if !slices.Contains([]string{"", "NONE", "ALL_OLD"}, in.ReturnValuesOnConditionCheckFailure) {
		return u, invalid("Return values on condition check failure set to invalid value")
	}
	placeholders, err := newPlaceholders(in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		expressions{"UpdateExpression": in.UpdateExpression, "ConditionExpression": in.ConditionExpression})
	if err != nil {
		return u, err
	}
	if u.actions, err = parseUpdate(in.UpdateExpression, placeholders); err != nil {
		return u, err
	}
	if u.holds, err = parseCondition(in.ConditionExpression, placeholders); err != nil {
		return u, err
	}
	if err := placeholders.checkUsed(); err != nil {
		return u, err
	}
	if u.key, err = t.parseKey(in.Key); err != nil {
		return u, err
	}
	return u, t.checkActions(u.actions)
}

// checkActions refuses changes of a key: an item with another one is another item.
func (t *table) checkActions(actions []action) error {
	for _, action := range actions {
		if t.isKey(action.path[0]) {
			return invalid("One or more parameter values were invalid: Cannot update attribute " + action.path[0] +
				". This attribute is part of the key")
		}
	}
	return nil
}

// applied returns the item after all actions. The one before stays as it is.
func (u update) applied(before map[string]attribute) (map[string]attribute, error) {
	after := before
	if after == nil {
		after = u.key
	}
	for _, action := range u.actions {
		var err error
		if after, err = action.path.changed(after, action.change(before)); err != nil {
			return nil, err
		}
	}
	if sizeOf(after) > maxItem {
		return nil, invalid("Item size to update has exceeded the maximum allowed size")
	}
	return after, nil
}

// returned is the part of the item that ReturnValues asks for. DynamoDB and its
// local edition differ in what they return of a map of which a member was updated.
func (u update) returned(which string, before, after map[string]attribute) (map[string]attribute, error) {
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
	updated := pathsOf(u.actions)
	if slices.ContainsFunc(updated, func(p path) bool { return len(p) > 1 }) {
		return nil, invalid("ReturnValues of members of maps are not emulated on this endpoint.")
	}
	return project(item, updated), nil
}
