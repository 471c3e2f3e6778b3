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

// DynamoDB are the calls that the checks make.
type DynamoDB interface {
	customers.GetItemAPI
	DescribeTable(ctx context.Context, input *dynamodb.DescribeTableInput,
		options ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	Scan(ctx context.Context, input *dynamodb.ScanInput,
		options ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// fromAWS says what is to be done about a call of AWS that failed.
func fromAWS(err error, what string) Finding {
	var failure *upstream.Error
	switch {
	case !errors.As(err, &failure):
		return problem(err.Error(), "")
	case failure.Timeout, failure.Reason.IsThrottling():
		return late(failure.Error())
	case !failure.Permanent:
		return problem(failure.Error(), "Try again. If it stays so, look at the network, in a VPC at its endpoints, "+
			"and at https://health.aws.amazon.com.")
	case failure.Reason == upstream.ResourceNotFound:
		return problem(failure.Error(),
			"There is no such "+what+" in this account and region: compare the name, and the region.")
	}
	return problem(failure.Error(),
		"Grant this role the operation on the "+what+", and on its key where it has one of its own.")
}

// isDenied reports whether a permission for the operation itself is missing. One for the table's
// key of KMS is another matter.
func isDenied(failure *upstream.Error) bool {
	return failure.Reason == upstream.AccessDeniedException || failure.Reason == upstream.AccessDenied
}

// nobody is no user's ID.
const nobody = "billing-portal-preflight"

// TableReadable reads an item that is not there, as the portal reads those that are.
func TableReadable(client DynamoDB, table customers.Table) Check {
	return Check{Name: "customers table", Run: func(ctx context.Context) Finding {
		store := customers.Store{Client: client, Table: table}
		var failure *upstream.Error
		switch _, err := store.CustomerID(ctx, nobody); {
		case err == nil, errors.Is(err, customers.ErrNoCustomer):
			return ok("an item can be read")
		case errors.As(err, &failure) && failure.Reason == upstream.ValidationException:
			return problem("the table has another key than CUSTOMERS_KEY and CUSTOMERS_SORT_KEY say",
				"Set both as the table has them; aws dynamodb describe-table shows it.")
		default:
			return fromAWS(err, "table")
		}
	}}
}

// TableKey compares the table's key schema with what the variables say.
func TableKey(client DynamoDB, table customers.Table) Check {
	return Check{Name: "customers table's key", Run: func(ctx context.Context) Finding {
		output, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(table.Name)})
		if err != nil {
			failure := upstream.FromAWS("dynamodb", err)
			if isDenied(failure) {
				return warning("it may not be described from here",
					"Allow dynamodb:DescribeTable, or compare it by hand.")
			}
			return fromAWS(failure, "table")
		}
		if status := output.Table.TableStatus; status != types.TableStatusActive &&
			status != types.TableStatusUpdating {
			return problem("the table is not active", "Wait until it is, or look why not.")
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
			return problem("the table's key is "+strings.Join(has, ", ")+", configured is "+strings.Join(want, ", "),
				"Set CUSTOMERS_KEY and CUSTOMERS_SORT_KEY as the table has them.")
		}
		for _, attribute := range output.Table.AttributeDefinitions {
			if name := aws.ToString(attribute.AttributeName); (name == table.Key || name == table.SortKey) &&
				attribute.AttributeType != types.ScalarAttributeTypeS {
				return problem("the key "+name+" is no string",
					"The portal writes users into strings: choose a table whose key is one.")
			}
		}
		return ok(strings.Join(has, ", "))
	}}
}

// Secrets is a secret of Secrets Manager's.
type Secrets[V comparable] interface {
	Get(ctx context.Context) (V, error)
}

// SecretUsable reads a secret as the function does. variable is the one that names it.
func SecretUsable[V comparable](name, variable string, secrets Secrets[V]) Check {
	return Check{Name: name, Run: func(ctx context.Context) Finding {
		_, err := secrets.Get(ctx)
		var malformed secret.MalformedError
		switch {
		case err == nil:
			return ok("it can be read and has the right form")
		case errors.As(err, &malformed):
			return problem(string(malformed), "Correct the value of the secret that "+variable+
				" names. It works within seconds, without a deployment.")
		}
		return fromAWS(err, "secret")
	}}
}

// Sampled is how many customers are looked up.
const Sampled = 10

// Mappings looks at some items of the table: their customers live, and no user has several.
func Mappings(client DynamoDB, table customers.Table, stripe *Stripe) Check {
	return Check{Name: "a sample of the mapping", Run: func(ctx context.Context) Finding {
		items, err := sample(ctx, client, table.Name)
		if err != nil {
			failure := upstream.FromAWS("dynamodb", err)
			if isDenied(failure) {
				return warning("the table may not be scanned from here, so nothing was looked at",
					"Grant dynamodb:Scan to enable this check.")
			}
			return fromAWS(failure, "table")
		}
		return stripe.live(ctx, table, items)
	}}
}

// sample reads items from all over a table: all of a small one, else a few of each segment, so that
// old and new users are among them. A segment is a range of the hashes of the keys.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html#Scan.ParallelScan
func sample(ctx context.Context, client DynamoDB, table string) ([]map[string]types.AttributeValue, error) {
	const each = 5
	page, err := client.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String(table), Limit: aws.Int32(Sampled * each)})
	if err != nil {
		return nil, err // the caller says what it means
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
			items[i*Sampled+segment] = item // the first of each segment come first
		}
	}
	return slices.DeleteFunc(items, func(item map[string]types.AttributeValue) bool { return item == nil }), nil
}
