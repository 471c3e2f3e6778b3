package awswire

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// table holds its items by the value of their key attribute.
type table struct {
	name    string
	key     keySchema
	created time.Time
	items   map[string]map[string]attribute
}

// keySchema is a simple primary key: one hash key, no range key.
type keySchema struct {
	Name string
	Type string // S, N or B
}

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

// table finds a table by its name or ARN. The caller holds the lock.
func (d *DynamoDB) table(nameOrARN string) (*table, error) {
	name := nameOrARN
	if strings.HasPrefix(name, "arn:") {
		_, name, _ = strings.Cut(name, ":table/")
	}
	if !tableName.MatchString(name) {
		return nil, invalidTableName()
	}
	t, ok := d.tables[name]
	if !ok {
		return nil, &apiError{http.StatusBadRequest, dynamoModel + "ResourceNotFoundException",
			"Cannot do operations on a non-existent table"}
	}
	return t, nil
}

func (d *DynamoDB) addTable(name string, key keySchema) (*table, error) {
	if !tableName.MatchString(name) {
		return nil, invalidTableName()
	}
	if _, ok := d.tables[name]; ok {
		return nil, &apiError{http.StatusBadRequest, dynamoModel + "ResourceInUseException",
			"Cannot create preexisting table"}
	}
	t := &table{name: name, key: key, created: time.Now(), items: map[string]map[string]attribute{}}
	d.tables[name] = t
	return t, nil
}

func invalidTableName() error {
	return invalid("Invalid table/index name.  Table/index names must be between 3 and 255 characters long, " +
		"and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'")
}

// maxHashKey is DynamoDB's limit on a hash key's value, in bytes.
const maxHashKey = 2048

// keyOf returns the index of the item with these attributes, checked against
// the table's schema.
func (t *table) keyOf(attributes map[string]attribute) (string, error) {
	value, ok := attributes[t.key.Name]
	switch {
	case !ok:
		return "", invalid("One of the required keys was not given a value")
	case !value.scalar():
		return "", invalid("Invalid attribute value type")
	case value.kind != t.key.Type:
		return "", invalid("One or more parameter values were invalid: Type mismatch for key")
	case value.text() == "":
		return "", invalid("One or more parameter values are not valid. The AttributeValue for a key attribute " +
			"cannot contain an empty string value. Key: " + t.key.Name)
	case value.size() > maxHashKey:
		return "", invalid("Hash primary key values must be under 2048 bytes, " +
			"and range primary key values must be under 1024 bytes")
	}
	return value.text(), nil
}

func (t *table) put(attributes map[string]attribute) error {
	key, err := t.keyOf(attributes)
	if err != nil {
		return err
	}
	if sizeOf(attributes) > maxItem {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	t.items[key] = attributes
	return nil
}
