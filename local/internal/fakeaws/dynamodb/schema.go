package dynamodb

import (
	"slices"
	"strings"

	"billingportal/local/internal/fakeaws"
	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

type attributeDefinition struct{ AttributeName, AttributeType string }

type keyElement struct{ AttributeName, KeyType string }

// tableDescription contains the properties that a client needs to see that a table is ready.
type tableDescription struct {
	AttributeDefinitions []attributeDefinition
	TableName            string
	KeySchema            []keyElement
	TableStatus          string
	CreationDateTime     float64 // seconds since 1970
	TableSizeBytes       int
	ItemCount            int
	TableArn             string
}

func (d *Server) createTable(body []byte) (any, error) {
	var in struct {
		TableName             string
		AttributeDefinitions  []attributeDefinition
		KeySchema             []keyElement
		BillingMode           string
		ProvisionedThroughput *struct{ ReadCapacityUnits, WriteCapacityUnits int64 }
	}
	if err := d.Decode(body, &in, "TableName", "AttributeDefinitions", "KeySchema", "BillingMode",
		"ProvisionedThroughput"); err != nil {
		return nil, err
	}
	if !tableName.MatchString(in.TableName) {
		return nil, invalidTableName()
	}
	if in.BillingMode != "PAY_PER_REQUEST" && in.ProvisionedThroughput == nil {
		return nil, attribute.ValidationException("No provisioned throughput specified for the table")
	}
	key, err := parseKeySchema(in.AttributeDefinitions, in.KeySchema)
	if err != nil {
		return nil, err
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.addTable(in.TableName, key)
	if err != nil {
		return nil, err
	}
	return struct{ TableDescription tableDescription }{t.describe()}, nil
}

func (d *Server) describeTable(body []byte) (any, error) {
	var in struct{ TableName string }
	if err := d.Decode(body, &in, "TableName"); err != nil {
		return nil, err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	t, err := d.table(in.TableName)
	if err != nil {
		return nil, err
	}
	return struct{ Table tableDescription }{t.describe()}, nil
}

// keyNames are the parts of a primary key, in order.
var keyNames = []string{"Hash", "Range"}

// parseKeySchema reads the key of a table from the two lists that describe it.
func parseKeySchema(definitions []attributeDefinition, schema []keyElement) (keySchema, error) {
	if len(definitions) == 0 {
		return nil, attribute.ValidationException("No Attribute Schema Defined")
	}
	for _, definition := range definitions {
		if !slices.Contains([]string{"B", "N", "S"}, definition.AttributeType) {
			return nil, attribute.ValidationException("Member must satisfy enum value set: [B, N, S]")
		}
	}
	if err := checkOrder(schema); err != nil {
		return nil, err
	}
	var key keySchema
	for i, element := range schema {
		at := slices.IndexFunc(definitions,
			func(d attributeDefinition) bool { return d.AttributeName == element.AttributeName })
		if at < 0 {
			return nil, attribute.ValidationException(keyNames[i] +
				" Key not specified in Attribute Definitions.  Type unknown.")
		}
		key = append(key, keyAttribute{Name: definitions[at].AttributeName, Type: definitions[at].AttributeType})
	}
	if len(definitions) != len(key) {
		return nil, attribute.ValidationException("The number of attributes in key schema must match the number of " +
			"attributes defined in attribute definitions.")
	}
	return key, nil
}

// checkOrder returns an error unless the schema is a hash key, optionally followed by a range key.
func checkOrder(schema []keyElement) error {
	const hash, rangeKey = "HASH", "RANGE"
	switch {
	case len(schema) == 0:
		return attribute.ValidationException("No defined key schema.  A key schema containing at least a hash key " +
			"must be defined for all tables")
	case len(schema) > 2:
		return attribute.ValidationException("Key Schema too big.  Key Schema must at most consist of the hash and " +
			"range key of a table")
	case len(schema) == 1 && schema[0].KeyType == hash:
		return nil
	case len(schema) == 1:
		return attribute.ValidationException("No Hash Key specified in schema.  All Dynamo DB tables must have " +
			"exactly one hash key")
	case schema[0].KeyType == hash && schema[1].KeyType == hash:
		return attribute.ValidationException("Too many hash keys specified.  All Dynamo DB tables must have exactly " +
			"one hash key")
	case schema[0].KeyType != hash || schema[1].KeyType != rangeKey:
		return attribute.ValidationException("Invalid key order. Hash Key must be specified first in key schema, " +
			"Range Key second")
	case schema[0].AttributeName == schema[1].AttributeName:
		return attribute.ValidationException("Two keys can not have the same name")
	}
	return nil
}

// describe returns the description of a table. A table is active as soon as it exists.
func (t *table) describe() tableDescription {
	definitions, schema := make([]attributeDefinition, len(t.key)), make([]keyElement, len(t.key))
	for i, key := range t.key {
		definitions[i] = attributeDefinition{key.Name, key.Type}
		schema[i] = keyElement{key.Name, strings.ToUpper(keyNames[i])}
	}
	return tableDescription{
		AttributeDefinitions: definitions,
		TableName:            t.name,
		KeySchema:            schema,
		TableStatus:          "ACTIVE",
		CreationDateTime:     fakeaws.EpochSeconds(t.created),
		TableSizeBytes:       t.items.size,
		ItemCount:            len(t.items.encoded),
		TableArn:             "arn:aws:dynamodb:" + fakeaws.Region + ":" + fakeaws.Account + ":table/" + t.name,
	}
}
