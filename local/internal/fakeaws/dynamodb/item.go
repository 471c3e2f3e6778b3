package dynamodb

import (
	"encoding/json"
	"maps"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
	"billingportal/local/internal/fakeaws/dynamodb/expression"
)

// consumedCapacity is the capacity that an operation would consume on AWS.
type consumedCapacity struct {
	TableName     string
	CapacityUnits float64
	Table         *tableCapacity `json:",omitempty"`
}

type tableCapacity struct{ CapacityUnits float64 }

// getItem returns an empty document for a missing item, not an error.
func (d *Server) getItem(body []byte) (any, error) {
	var in struct {
		TableName                *string
		Key                      map[string]json.RawMessage
		ConsistentRead           bool
		ProjectionExpression     *string
		ExpressionAttributeNames map[string]string
		ReturnConsumedCapacity   string
	}
	if err := d.Decode(body, &in, "TableName", "Key", "ConsistentRead", "ProjectionExpression",
		"ExpressionAttributeNames", "ReturnConsumedCapacity"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.tableOf(in.TableName)
	if err != nil {
		return nil, err
	}
	paths, err := expression.ParseProjection(in.ProjectionExpression, in.ExpressionAttributeNames)
	if err != nil {
		return nil, err
	}
	key, err := t.parseKey(in.Key)
	if err != nil {
		return nil, err
	}
	index, err := t.indexOf(key)
	if err != nil {
		return nil, err
	}

	item, found := t.items.get(index)
	if !found && t.missing != nil {
		// Store the item, so that a later write with a condition finds the item that this read
		// returned.
		item, found = maps.Clone(t.missing), true
		maps.Copy(item, key)
		if err := t.items.put(index, item); err != nil {
			return nil, err
		}
	}
	// A read unit is 4 KB for a consistent read. Other reads take half a unit.
	units := float64(max(1, (attribute.SizeOf(item)+4095)/4096))
	if !in.ConsistentRead {
		units /= 2
	}
	out := struct {
		Item             map[string]attribute.Value `json:",omitzero"`
		ConsumedCapacity *consumedCapacity          `json:",omitempty"`
	}{ConsumedCapacity: capacity(in.ReturnConsumedCapacity, t.name, units)}
	if found {
		out.Item = expression.Project(item, paths)
	}
	return out, nil
}

func (d *Server) putItem(body []byte) (any, error) {
	var in struct {
		TableName              *string
		Item                   map[string]json.RawMessage
		ReturnConsumedCapacity string
	}
	if err := d.Decode(body, &in, "TableName", "Item", "ReturnConsumedCapacity"); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.tableOf(in.TableName)
	if err != nil {
		return nil, err
	}
	if in.Item == nil {
		return nil, attribute.ValidationException("Item to put in PutItem cannot be null")
	}
	item, err := attribute.ParseMap(in.Item)
	if err != nil {
		return nil, err
	}
	if err := t.put(item); err != nil {
		return nil, err
	}
	return struct {
		ConsumedCapacity *consumedCapacity `json:",omitempty"`
	}{capacity(in.ReturnConsumedCapacity, t.name, float64(max(1, (attribute.SizeOf(item)+1023)/1024)))}, nil
}

func (d *Server) tableOf(name *string) (*table, error) {
	if name == nil {
		return nil, attribute.ValidationException("Value null at 'tableName' failed to satisfy constraint: Member " +
			"must not be null")
	}
	return d.table(*name)
}

// capacity returns the consumed units in the requested detail.
func capacity(detail, tableName string, units float64) *consumedCapacity {
	switch detail {
	case "TOTAL":
		return &consumedCapacity{TableName: tableName, CapacityUnits: units}
	case "INDEXES":
		return &consumedCapacity{TableName: tableName, CapacityUnits: units, Table: &tableCapacity{units}}
	}
	return nil
}
