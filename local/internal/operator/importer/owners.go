package importer

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/operator/importer/extsort"
)

// Scanner reads a table page by page.
type Scanner interface {
	Scan(ctx context.Context, input *dynamodb.ScanInput,
		options ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// Owners are the users of a table and their customers, written by events, by imports or by an app.
// The whole table is read, because no index leads from a customer to all users.
type Owners struct {
	Mapping operator.Mapping
	Scanner Scanner
}

// read adds a line for each claim that counts: customer, separator, user, separator. For every user
// it calls hear, unless hear is nil, with an error if the item cannot be read.
func (o *Owners) read(ctx context.Context, into *extsort.Sorter, hear func(entry operator.Entry, err error),
	progress Progress) error {
	progress.Start("read the table", 0, 0)
	defer progress.Stop()
	var from map[string]types.AttributeValue
	for {
		page, err := o.Scanner.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String(o.Mapping.Table()),
			ConsistentRead: aws.Bool(true), ExclusiveStartKey: from})
		if err != nil {
			return fmt.Errorf("read the table: %w", operator.AWSFailure(operator.DynamoDB, err))
		}
		for _, item := range page.Items {
			entry, err := o.Mapping.Entry(item)
			if entry.User == "" {
				continue
			}
			if hear != nil {
				hear(entry, err)
			}
			if err != nil {
				continue
			}
			for _, customer := range entry.Counting {
				if err := into.Add(customer + separator + entry.User + separator); err != nil {
					return err
				}
			}
		}
		progress.Read(len(page.Items))
		if from = page.LastEvaluatedKey; from == nil {
			return nil
		}
	}
}
