package awswire

import (
	"encoding/json"
)

// consumedCapacity is what an operation would have cost.
type consumedCapacity struct {
	TableName     string
	CapacityUnits float64
	Table         *tableCapacity `json:",omitempty"`
}

type tableCapacity struct{ CapacityUnits float64 }

// getItem answers an absent item with an empty document, not with an error.
func (d *DynamoDB) getItem(body []byte) (any, error) {
	var in struct {
		TableName                *string
		Key                      map[string]json.RawMessage
		ConsistentRead           bool
		ProjectionExpression     *string
		ExpressionAttributeNames map[string]string
		ReturnConsumedCapacity   string
	}
	if err := d.decode(body, &in, "TableName", "Key", "ConsistentRead", "ProjectionExpression",
		"ExpressionAttributeNames", "ReturnConsumedCapacity"); err != nil {
		return nil, err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	t, err := d.tableOf(in.TableName)
	if err != nil {
		return nil, err
	}
	names, err := parseProjection(in.ProjectionExpression, in.ExpressionAttributeNames)
	if err != nil {
		return nil, err
	}
	if in.Key == nil {
		return nil, invalid("Cannot have null key for GetItem, DeleteItem, or UpdateItem")
	}
	key, err := parseAttributes(in.Key)
	if err != nil {
		return nil, err
	}
	if len(key) != 1 {
		return nil, invalid("The number of conditions on the keys is invalid")
	}
	index, err := t.keyOf(key)
	if err != nil {
		return nil, err
	}

	item, found := t.items[index]
	// A read unit is 4 KB read consistently, or half of that otherwise.
	units := float64(max(1, (sizeOf(item)+4095)/4096))
	if !in.ConsistentRead {
		units /= 2
	}
	out := struct {
		Item             map[string]attribute `json:",omitzero"`
		ConsumedCapacity *consumedCapacity    `json:",omitempty"`
	}{ConsumedCapacity: capacity(in.ReturnConsumedCapacity, t.name, units)}
	if found {
		out.Item = project(item, names)
	}
	return out, nil
}

func (d *DynamoDB) putItem(body []byte) (any, error) {
	var in struct {
		TableName              *string
		Item                   map[string]json.RawMessage
		ReturnConsumedCapacity string
	}
	if err := d.decode(body, &in, "TableName", "Item", "ReturnConsumedCapacity"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.tableOf(in.TableName)
	if err != nil {
		return nil, err
	}
	if in.Item == nil {
		return nil, invalid("Item to put in PutItem cannot be null")
	}
	item, err := parseAttributes(in.Item)
	if err != nil {
		return nil, err
	}
	if err := t.put(item); err != nil {
		return nil, err
	}
	return struct {
		ConsumedCapacity *consumedCapacity `json:",omitempty"`
	}{capacity(in.ReturnConsumedCapacity, t.name, float64(max(1, (sizeOf(item)+1023)/1024)))}, nil
}

func (d *DynamoDB) tableOf(name *string) (*table, error) {
	if name == nil {
		return nil, invalid("Value null at 'tableName' failed to satisfy constraint: Member must not be null")
	}
	return d.table(*name)
}

// capacity reports units in the detail that was asked for.
func capacity(detail, tableName string, units float64) *consumedCapacity {
	switch detail {
	case "TOTAL":
		return &consumedCapacity{TableName: tableName, CapacityUnits: units}
	case "INDEXES":
		return &consumedCapacity{TableName: tableName, CapacityUnits: units, Table: &tableCapacity{units}}
	}
	return nil
}

// project keeps the named attributes, or all where none are named.
func project(item map[string]attribute, names []string) map[string]attribute {
	if names == nil {
		return item
	}
	kept := map[string]attribute{}
	for _, name := range names {
		if value, ok := item[name]; ok {
			kept[name] = value
		}
	}
	return kept
}
