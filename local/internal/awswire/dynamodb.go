package awswire

import (
	"fmt"
	"net/http"
	"sync"
)

// The prefixes of DynamoDB's error types: errors of its own model, errors of
// the checks before it, and errors that any service may answer.
const (
	dynamoModel      = "com.amazonaws.dynamodb.v20120810#"
	dynamoValidation = "com.amazon.coral.validate#"
	dynamoService    = "com.amazon.coral.service#"
)

// DynamoDB is an in-memory DynamoDB with GetItem, PutItem, UpdateItem, Scan, CreateTable
// and DescribeTable. It is safe for concurrent use, and every read is consistent.
type DynamoDB struct {
	service

	mu     sync.RWMutex
	tables map[string]*table // by name
}

// NewDynamoDB returns a DynamoDB without tables.
func NewDynamoDB() *DynamoDB {
	d := &DynamoDB{tables: map[string]*table{}}
	d.service = service{
		targetPrefix: "DynamoDB_20120810",
		signingName:  "dynamodb",
		contentType:  "application/x-amz-json-1.0",
		faultPrefix:  dynamoService,
		unknown: &apiError{http.StatusBadRequest, dynamoModel + "UnknownOperationException",
			"An unknown operation was requested."},
		checksum: true,
		operations: map[string]operation{
			"CreateTable":   d.createTable,
			"DescribeTable": d.describeTable,
			"GetItem":       d.getItem,
			"PutItem":       d.putItem,
			"Scan":          d.scan,
			"UpdateItem":    d.updateItem,
		},
	}
	return d
}

// CreateTable adds an empty table whose key is the one string attribute
// hashKey. The error is AWS's: a taken name, a name that AWS does not take.
func (d *DynamoDB) CreateTable(name, hashKey string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.addTable(name, keySchema{{Name: hashKey, Type: "S"}})
	return err
}

// Put writes an item over the one with the same key. Its values may be
// strings, integers, floats, booleans, nil, []any and map[string]any, which
// become S, N, N, BOOL, NULL, L and M.
func (d *DynamoDB) Put(tableName string, item map[string]any) error {
	return d.fill(tableName, item, func(t *table, attributes map[string]attribute) error { return t.put(attributes) })
}

// Text is a text in the item whose one key attribute has this value, "" where there is none.
func (d *DynamoDB) Text(tableName, key, attributeName string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.table(tableName)
	if err != nil {
		return ""
	}
	index, err := t.indexOf(map[string]attribute{t.key[0].Name: {kind: "S", value: key}})
	if err != nil {
		return ""
	}
	item, _ := t.items.get(index)
	return item[attributeName].text()
}

// Default makes every key that is read and has no item one with these attributes. It stands for a table that knows everybody.
func (d *DynamoDB) Default(tableName string, attributes map[string]any) error {
	return d.fill(tableName, attributes, func(t *table, attributes map[string]attribute) error {
		t.missing = attributes
		return nil
	})
}

func (d *DynamoDB) fill(tableName string, values map[string]any, into func(*table, map[string]attribute) error) error {
	attributes := make(map[string]attribute, len(values))
	for name, value := range values {
		a, err := newAttribute(value)
		if err != nil {
			return fmt.Errorf("attribute %q: %w", name, err)
		}
		attributes[name] = a
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.table(tableName)
	if err != nil {
		return err
	}
	return into(t, attributes)
}

func invalid(message string) *apiError {
	return &apiError{http.StatusBadRequest, dynamoValidation + "ValidationException", message}
}
