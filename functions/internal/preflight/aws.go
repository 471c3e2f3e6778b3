package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// DynamoDB has the calls of DynamoDB that the checks make.
type DynamoDB interface {
	customers.GetItemAPI
	DescribeTable(ctx context.Context, input *dynamodb.DescribeTableInput,
		options ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	Scan(ctx context.Context, input *dynamodb.ScanInput,
		options ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// fromAWS returns the finding for a failed AWS call on a resource, which what names: "table",
// "function" or "secret".
func fromAWS(err error, what string) Finding {
	finding := describeAWS(err, what)
	finding.Failure = err
	return finding
}

func describeAWS(err error, what string) Finding {
	var failure *upstream.Error
	switch {
	case !errors.As(err, &failure):
		return problem(err.Error(), "")
	case failure.Timeout, failure.Reason.IsThrottling():
		return late(failure.Error())
	case !failure.Permanent:
		return problem(failure.Error(), "Try again. If this repeats, check the network (in a VPC, its endpoints) and "+
			"https://health.aws.amazon.com.")
	case failure.Reason == upstream.ResourceNotFound:
		return problem(failure.Error(),
			"There is no such "+what+" in this account and region. Check the name and the region.")
	}
	return problem(failure.Error(),
		"Grant this role this operation on the "+what+", and the use of its KMS key if it has one of its own.")
}

// noUser is a user ID that does not exist.
const noUser = "billing-portal-preflight"

// TableReadable checks whether the table can be read: it reads an item that does not exist, in the
// way that the portal reads items.
func TableReadable(client DynamoDB, table customers.Table) Check {
	return Check{Name: "customers table", Run: func(ctx context.Context) Finding {
		store := customers.Store{Client: client, Table: table}
		var failure *upstream.Error
		switch _, err := store.CustomerID(ctx, noUser); {
		case err == nil, errors.Is(err, customers.ErrNoCustomer):
			return ok("an item can be read")
		case errors.As(err, &failure) && failure.Reason == upstream.ValidationException:
			return problem("the table's key differs from CUSTOMERS_KEY and CUSTOMERS_SORT_KEY",
				"Set both to the table's key, which aws dynamodb describe-table shows.")
		default:
			return fromAWS(err, "table")
		}
	}}
}

// TableKey compares the table's key schema with the variables.
func TableKey(client DynamoDB, table customers.Table) Check {
	return Check{Name: "customers table's key", Run: func(ctx context.Context) Finding {
		output, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(table.Name)})
		if err != nil {
			failure := upstream.FromAWS(upstream.DynamoDB, err)
			if failure.Reason.IsDenied() {
				return warning("dynamodb:DescribeTable is denied, so the key was not checked",
					"Grant dynamodb:DescribeTable to enable this check, or compare the key yourself.")
			}
			return fromAWS(failure, "table")
		}
		if status := output.Table.TableStatus; status != types.TableStatusActive &&
			status != types.TableStatusUpdating {
			return problem("the table is not active", "Wait until its status is ACTIVE, or find out why it is not.")
		}
		want := []string{table.Key + " (HASH)"}
		if table.SortKey != "" {
			want = append(want, table.SortKey+" (RANGE)")
		}
		var has []string
		for _, element := range output.Table.KeySchema {
			has = append(has, fmt.Sprintf("%s (%s)", aws.ToString(element.AttributeName), element.KeyType))
		}
		if !slices.Equal(has, want) {
			return problem(fmt.Sprintf("the table's key is %s, but the configured key is %s",
				strings.Join(has, ", "), strings.Join(want, ", ")),
				"Set CUSTOMERS_KEY and CUSTOMERS_SORT_KEY to the table's key.")
		}
		for _, attribute := range output.Table.AttributeDefinitions {
			if name := aws.ToString(attribute.AttributeName); (name == table.Key || name == table.SortKey) &&
				attribute.AttributeType != types.ScalarAttributeTypeS {
				return problem("the key "+name+" is not a string",
					"Users are strings: use a table whose key attributes are strings.")
			}
		}
		return ok(strings.Join(has, ", "))
	}}
}

// Secrets returns a secret of Secrets Manager.
type Secrets[V comparable] interface {
	Get(ctx context.Context) (V, error)
}

// SecretUsable reads a secret as the function does. variable is the variable that names the secret.
func SecretUsable[V comparable](name, variable string, secrets Secrets[V]) Check {
	return Check{Name: name, Run: func(ctx context.Context) Finding {
		_, err := secrets.Get(ctx)
		var malformed secret.MalformedError
		switch {
		case err == nil:
			return ok("it can be read and is well-formed")
		case errors.As(err, &malformed):
			return problem(string(malformed), "Correct the value of the secret that "+variable+
				" names. The new value works within seconds, without a deployment.")
		}
		return fromAWS(err, "secret")
	}}
}

// Sampled is the number of customers that Mappings looks up.
const Sampled = 10

// Mappings checks a sample of items: the customers exist at Stripe, and no user has several.
func Mappings(client DynamoDB, table customers.Table, stripe *Stripe) Check {
	return Check{Name: "a sample of the mapping", Run: func(ctx context.Context) Finding {
		items, err := sample(ctx, client, table.Name)
		if err != nil {
			failure := upstream.FromAWS(upstream.DynamoDB, err)
			if failure.Reason.IsDenied() {
				return warning("dynamodb:Scan is denied, so no mapping was checked",
					"Grant dynamodb:Scan to enable this check.")
			}
			return fromAWS(failure, "table")
		}
		return stripe.live(ctx, table, items)
	}}
}

// sample returns all items of a small table, or a few items of each segment of a large one, so that
// both old and new users are in the sample. A segment is a range of the keys' hashes.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html#Scan.ParallelScan
func sample(ctx context.Context, client DynamoDB, table string) ([]map[string]types.AttributeValue, error) {
	const each = 5
	page, err := client.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String(table), Limit: aws.Int32(Sampled * each)})
	if err != nil {
		return nil, err // the caller interprets it
	}
	if page.LastEvaluatedKey == nil {
		return page.Items, nil
	}
	items := make([]map[string]types.AttributeValue, Sampled*each)
	for segment := range Sampled {
		page, err := client.Scan(ctx, &dynamodb.ScanInput{
			TableName: aws.String(table), Limit: aws.Int32(each), Segment: aws.Int32(int32(segment)),
			TotalSegments: aws.Int32(Sampled),
		})
		if err != nil {
			return nil, err // as above
		}
		for i, item := range page.Items {
			items[i*Sampled+segment] = item // the first items of all segments come first
		}
	}
	return slices.DeleteFunc(items, func(item map[string]types.AttributeValue) bool { return item == nil }), nil
}
