// Package dynamodb is an in-memory fake of DynamoDB that speaks its protocol: reads and writes of
// single items, conditional updates, scans, and tables with their keys. Package attribute defines
// the values of items, and package expression evaluates the expressions of requests.
//
// A contract test compares the fake with the responses of DynamoDB Local (package integrationtest
// starts it).
package dynamodb

import (
	"fmt"
	"net/http"
	"sync"

	"billingportal/local/internal/fakeaws"
	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

// Prefixes of DynamoDB error types: errors of its own model, and errors that any AWS service can
// return. [attribute.ValidationException] has the prefix of the checks between the two.
const (
	modelPrefix   = "com.amazonaws.dynamodb.v20120810#"
	servicePrefix = "com.amazon.coral.service#"
)

// Server is an in-memory DynamoDB with GetItem, PutItem, UpdateItem, Scan, CreateTable
// and DescribeTable. It is safe for concurrent use, and every read is consistent.
type Server struct {
	fakeaws.Service

	mu     sync.RWMutex
	tables map[string]*table // by name
}

// NewServer returns a DynamoDB without tables.
func NewServer() *Server {
	d := &Server{tables: map[string]*table{}}
	d.Service = fakeaws.Service{
		TargetPrefix: "DynamoDB_20120810",
		SigningName:  "dynamodb",
		ContentType:  "application/x-amz-json-1.0",
		FaultPrefix:  servicePrefix,
		Unknown:      modelError("UnknownOperationException", "An unknown operation was requested."),
		Checksum:     true,
		Operations: map[string]fakeaws.Operation{
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

// CreateTable adds an empty table whose key is the string attribute hashKey. It returns the error
// of AWS if the name is taken or invalid.
func (d *Server) CreateTable(name, hashKey string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.addTable(name, keySchema{{Name: hashKey, Type: "S"}})
	return err
}

// Put writes an item and replaces the item with the same key. Values can be strings, integers,
// floats, booleans, nil, []any and map[string]any. They become S, N, N, BOOL, NULL, L and M.
func (d *Server) Put(tableName string, item map[string]any) error {
	return d.fill(tableName, item,
		func(t *table, attributes map[string]attribute.Value) error { return t.put(attributes) })
}

// Text returns a string attribute of the item with this key, or "" if the item or the attribute is
// missing. The table must have a hash key only.
func (d *Server) Text(tableName, key, attributeName string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.table(tableName)
	if err != nil {
		return ""
	}
	index, err := t.indexOf(map[string]attribute.Value{t.key[0].Name: {Kind: "S", Content: key}})
	if err != nil {
		return ""
	}
	item, _ := t.items.get(index)
	return item[attributeName].Text()
}

// Default sets the attributes that a table returns for every missing key. It simulates a table that
// has an item for every user.
func (d *Server) Default(tableName string, attributes map[string]any) error {
	return d.fill(tableName, attributes, func(t *table, attributes map[string]attribute.Value) error {
		t.missing = attributes
		return nil
	})
}

func (d *Server) fill(tableName string, values map[string]any,
	into func(*table, map[string]attribute.Value) error) error {
	attributes := make(map[string]attribute.Value, len(values))
	for name, value := range values {
		a, err := attribute.New(value)
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

func modelError(code, message string) *fakeaws.Error {
	return &fakeaws.Error{Status: http.StatusBadRequest, Code: modelPrefix + code, Message: message}
}
