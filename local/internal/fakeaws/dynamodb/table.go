package dynamodb

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

// table stores its items by their keys.
type table struct {
	name    string
	key     keySchema
	created time.Time
	items   items
	// of items that are read before they were written; nil without defaults
	missing map[string]attribute.Value
}

// keySchema is a primary key: a hash key, optionally followed by a range key.
type keySchema []keyAttribute

type keyAttribute struct {
	Name string
	Type string // S, N or B
}

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

// table finds a table by its name or ARN. The caller must hold the lock.
func (d *Server) table(nameOrARN string) (*table, error) {
	name := nameOrARN
	if strings.HasPrefix(name, "arn:") {
		_, name, _ = strings.Cut(name, ":table/")
	}
	if !tableName.MatchString(name) {
		return nil, invalidTableName()
	}
	t, ok := d.tables[name]
	if !ok {
		return nil, modelError("ResourceNotFoundException", "Cannot do operations on a non-existent table")
	}
	return t, nil
}

func (d *Server) addTable(name string, key keySchema) (*table, error) {
	if !tableName.MatchString(name) {
		return nil, invalidTableName()
	}
	if _, ok := d.tables[name]; ok {
		return nil, modelError("ResourceInUseException", "Cannot create preexisting table")
	}
	t := &table{name: name, key: key, created: time.Now()}
	d.tables[name] = t
	return t, nil
}

func invalidTableName() error {
	return attribute.ValidationException("Invalid table/index name.  Table/index names must be between 3 and 255 " +
		"characters long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'")
}

// Limits of DynamoDB on the values of a hash key and a range key, in bytes.
var maxKeySizes = []int{2048, 1024}

// parseKey reads the key in a request for one item.
func (t *table) parseKey(wire map[string]json.RawMessage) (map[string]attribute.Value, error) {
	if wire == nil {
		return nil, attribute.ValidationException("Cannot have null key for GetItem, DeleteItem, or UpdateItem")
	}
	key, err := attribute.ParseMap(wire)
	if err == nil && len(key) != len(t.key) {
		err = attribute.ValidationException("The number of conditions on the keys is invalid")
	}
	return key, err
}

func (t *table) isKey(name string) bool {
	return slices.ContainsFunc(t.key, func(key keyAttribute) bool { return key.Name == name })
}

// indexOf checks attributes against the schema of the table and returns the index of their item.
func (t *table) indexOf(attributes map[string]attribute.Value) (string, error) {
	for _, key := range t.key {
		if _, ok := attributes[key.Name]; !ok {
			return "", attribute.ValidationException("One of the required keys was not given a value")
		}
	}
	var index strings.Builder
	for i, key := range t.key {
		value := attributes[key.Name]
		switch {
		case !value.Scalar():
			return "", attribute.ValidationException("Invalid attribute value type")
		case value.Kind != key.Type:
			return "", attribute.ValidationException("One or more parameter values were invalid: Type mismatch for key")
		case value.Text() == "":
			return "", attribute.ValidationException("One or more parameter values are not valid. The AttributeValue " +
				"for a key attribute " +
				"cannot contain an empty string value. Key: " + key.Name)
		case value.Size() > maxKeySizes[i]:
			return "", attribute.ValidationException("Hash primary key values must be under 2048 bytes, " +
				"and range primary key values must be under 1024 bytes")
		}
		index.WriteString(strconv.Quote(value.Text()))
	}
	return index.String(), nil
}

// maxItem is the limit of DynamoDB on the size of an item, names and values included, in bytes.
const maxItem = 400 * 1024

func (t *table) put(attributes map[string]attribute.Value) error {
	index, err := t.indexOf(attributes)
	if err != nil {
		return err
	}
	if attribute.SizeOf(attributes) > maxItem {
		return attribute.ValidationException("Item size has exceeded the maximum allowed size")
	}
	return t.items.put(index, attributes)
}
