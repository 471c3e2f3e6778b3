package awswire

import (
	"slices"
	"time"
)

type attributeDefinition struct{ AttributeName, AttributeType string }

type keyElement struct{ AttributeName, KeyType string }

// tableDescription has what a client needs to see that a table is ready.
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

func (d *DynamoDB) createTable(body []byte) (any, error) {
	var in struct {
		TableName             string
		AttributeDefinitions  []attributeDefinition
		KeySchema             []keyElement
		BillingMode           string
		ProvisionedThroughput *struct{ ReadCapacityUnits, WriteCapacityUnits int64 }
	}
	if err := d.decode(body, &in, "TableName", "AttributeDefinitions", "KeySchema", "BillingMode", "ProvisionedThroughput"); err != nil {
		return nil, err
	}
	if !tableName.MatchString(in.TableName) {
		return nil, invalidTableName()
	}
	if in.BillingMode != "PAY_PER_REQUEST" && in.ProvisionedThroughput == nil {
		return nil, invalid("No provisioned throughput specified for the table")
	}
	key, err := hashKey(in.AttributeDefinitions, in.KeySchema)
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

func (d *DynamoDB) describeTable(body []byte) (any, error) {
	var in struct{ TableName string }
	if err := d.decode(body, &in, "TableName"); err != nil {
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

// hashKey reads a table's key out of the two lists that describe it.
func hashKey(definitions []attributeDefinition, schema []keyElement) (keySchema, error) {
	if len(definitions) == 0 {
		return keySchema{}, invalid("No Attribute Schema Defined")
	}
	for _, definition := range definitions {
		if !slices.Contains([]string{"B", "N", "S"}, definition.AttributeType) {
			return keySchema{}, invalid("Member must satisfy enum value set: [B, N, S]")
		}
	}
	switch {
	case len(schema) == 0:
		return keySchema{}, invalid("No defined key schema.  A key schema containing at least a hash key must be defined for all tables")
	case schema[0].KeyType != "HASH":
		return keySchema{}, invalid("No Hash Key specified in schema.  All Dynamo DB tables must have exactly one hash key")
	case len(schema) > 1:
		return keySchema{}, invalid("Range keys are not emulated on this endpoint.")
	}
	i := slices.IndexFunc(definitions, func(d attributeDefinition) bool { return d.AttributeName == schema[0].AttributeName })
	switch {
	case i < 0:
		return keySchema{}, invalid("Hash Key not specified in Attribute Definitions.  Type unknown.")
	case len(definitions) > 1:
		return keySchema{}, invalid("The number of attributes in key schema must match the number of attributes defined in attribute definitions.")
	}
	return keySchema{Name: definitions[i].AttributeName, Type: definitions[i].AttributeType}, nil
}

// describe reports the table as active from its first moment on.
func (t *table) describe() tableDescription {
	bytes := 0
	for _, item := range t.items {
		bytes += sizeOf(item)
	}
	return tableDescription{
		AttributeDefinitions: []attributeDefinition{{t.key.Name, t.key.Type}},
		TableName:            t.name,
		KeySchema:            []keyElement{{t.key.Name, "HASH"}},
		TableStatus:          "ACTIVE",
		CreationDateTime:     epochSeconds(t.created),
		TableSizeBytes:       bytes,
		ItemCount:            len(t.items),
		TableArn:             "arn:aws:dynamodb:" + localRegion + ":" + localAccount + ":table/" + t.name,
	}
}

// The region and the account of every ARN made here.
const (
	localRegion  = "us-east-1"
	localAccount = "000000000000"
)

// epochSeconds is the timestamp format of AWS's JSON protocols.
func epochSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
