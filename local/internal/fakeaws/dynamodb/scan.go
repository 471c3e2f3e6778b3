package dynamodb

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
	"billingportal/local/internal/fakeaws/dynamodb/expression"
)

// maxScanned is the number of items on a page if the request has no Limit. On AWS a page ends at 1
// MB.
const maxScanned = 1000

// scan returns a page of a table. The order of the items is not specified.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html
func (d *Server) scan(body []byte) (any, error) {
	var in struct {
		TableName                *string
		Limit                    *int
		Segment, TotalSegments   *int
		ExclusiveStartKey        map[string]json.RawMessage
		ConsistentRead           bool
		ProjectionExpression     *string
		ExpressionAttributeNames map[string]string
	}
	if err := d.Decode(body, &in, "TableName", "Limit", "Segment", "TotalSegments", "ExclusiveStartKey",
		"ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"); err != nil {
		return nil, err
	}
	d.mu.Lock() // keys may sort and cache the keys
	defer d.mu.Unlock()
	t, err := d.tableOf(in.TableName)
	if err != nil {
		return nil, err
	}
	paths, err := expression.ParseProjection(in.ProjectionExpression, in.ExpressionAttributeNames)
	if err != nil {
		return nil, err
	}
	limit := maxScanned
	if in.Limit != nil {
		if limit = *in.Limit; limit < 1 {
			return nil, attribute.ValidationException("Limit must be greater than or equal to 1")
		}
	}
	after, err := t.startOf(in.ExclusiveStartKey)
	if err != nil {
		return nil, err
	}
	indexes, err := t.segment(in.Segment, in.TotalSegments)
	if err != nil {
		return nil, err
	}
	from, found := slices.BinarySearch(indexes, after)
	if found {
		from++
	}
	to := min(from+limit, len(indexes))
	out := struct {
		Items            []map[string]attribute.Value
		Count            int
		ScannedCount     int
		LastEvaluatedKey map[string]attribute.Value `json:",omitzero"`
	}{Items: []map[string]attribute.Value{}, Count: to - from, ScannedCount: to - from}
	for i, index := range indexes[from:to] {
		item, _ := t.items.get(index)
		out.Items = append(out.Items, expression.Project(item, paths))
		// A full page has a key to continue from, even if no items follow.
		if i == limit-1 {
			out.LastEvaluatedKey = t.keyIn(item)
		}
	}
	return out, nil
}

// segment returns the keys of a segment of the table, in order. If segment and total are nil, it
// returns all keys.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html#Scan.ParallelScan
func (t *table) segment(segment, total *int) ([]string, error) {
	switch {
	case segment == nil && total == nil:
		return t.items.keys(), nil
	case total == nil:
		return nil, attribute.ValidationException("If segment is specified, total segment must also be specified")
	case segment == nil:
		return nil, attribute.ValidationException("If total segments is specified, a particular segment must also be " +
			"specified for this request")
	case *segment >= *total:
		return nil, attribute.ValidationException(fmt.Sprintf("1 validation error detected: Value '%d' at 'segment' "+
			"failed to satisfy constraint: Member must have value less than or equal to %d", *segment, *total-1))
	}
	var indexes []string
	for _, index := range t.items.keys() {
		partition, _ := strconv.QuotedPrefix(index) // all items of a partition are in one segment
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(partition))
		if int(hash.Sum32()%uint32(*total)) == *segment {
			indexes = append(indexes, index)
		}
	}
	return indexes, nil
}

// startOf returns the key after which a page starts, or "" for the first page.
func (t *table) startOf(wire map[string]json.RawMessage) (string, error) {
	if wire == nil {
		return "", nil
	}
	key, err := t.parseKey(wire)
	if err != nil {
		return "", err
	}
	return t.indexOf(key)
}

// keyIn returns the attributes of an item that form its key.
func (t *table) keyIn(item map[string]attribute.Value) map[string]attribute.Value {
	key := map[string]attribute.Value{}
	for _, name := range t.key {
		key[name.Name] = item[name.Name]
	}
	return key
}
