package dynamodb_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// scanContract covers the seeded tables. It must run before the cases that write.
func scanContract() []contractCase {
	return []contractCase{
		{name: "all segments together return each item of the table once", call: scanSegments("customers", 3),
			want: []string{"alice", "empty", "large", "nested", "null", "number"}},
		{name: "the items of a partition are in one segment", call: itemsOfSegments("sorted", 16), want: []int{2}},
		{name: "all pages together return each item of the table once",
			call: scanPages("customers", 2),
			want: []string{"alice", "empty", "large", "nested", "null", "number"}},
		{name: "a full page has a key to continue from, even if no items follow", call: scanPages("sorted", 1),
			want: []string{"USER#alice", "USER#alice"}},
		{name: "a limit below one is refused", fails: validation,
			call: scan(&dynamodb.ScanInput{TableName: aws.String("customers"), Limit: aws.Int32(0)}),
			says: "Limit must be greater than or equal to 1"},
		{name: "a single segment is the whole table", call: scanSegments("sorted", 1),
			want: []string{"USER#alice", "USER#alice"}},
		{name: "a segment without a number of segments is refused", fails: validation,
			call: scan(&dynamodb.ScanInput{TableName: aws.String("customers"), Segment: aws.Int32(0)}),
			says: "If segment is specified, total segment must also be specified"},
		{name: "a number of segments without a segment is refused", fails: validation,
			call: scan(&dynamodb.ScanInput{TableName: aws.String("customers"), TotalSegments: aws.Int32(2)}),
			says: "If total segments is specified, a particular segment must also be specified for this request"},
		{name: "a segment not below the number of segments is refused", fails: validation,
			call: scan(&dynamodb.ScanInput{TableName: aws.String("customers"), Segment: aws.Int32(2),
				TotalSegments: aws.Int32(2)}),
			says: "1 validation error detected: Value '2' at 'segment' failed to satisfy constraint: Member must " +
				"have value less than or equal to 1"},
		{name: "an item written after a scan is in the next scan", call: scanPutScan,
			want: []string{"USER#alice", "USER#alice", "USER#bob"}},
	}
}

func scan(input *dynamodb.ScanInput) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) { return client.Scan(context.Background(), input) }
}

// hashKeys returns the hash keys of the items of a page, without the longest one.
func hashKeys(page *dynamodb.ScanOutput) []string {
	var keys []string
	for _, item := range page.Items {
		for _, name := range []string{"user_id", "pk"} {
			if key, ok := item[name].(*types.AttributeValueMemberS); ok && len(key.Value) < 100 {
				keys = append(keys, key.Value)
			}
		}
	}
	return keys
}

// scanPages returns the hash keys of all pages, in order. Every page except the last is full.
func scanPages(table string, limit int32) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		input := &dynamodb.ScanInput{TableName: &table, Limit: &limit}
		var all []string
		for range 20 { // more than the items of any table
			page, err := client.Scan(context.Background(), input)
			if err != nil {
				return nil, err
			}
			all = append(all, hashKeys(page)...)
			if isFull := page.Count == limit; isFull != (page.LastEvaluatedKey != nil) ||
				int(page.Count) != len(page.Items) || page.ScannedCount != page.Count {
				return nil, fmt.Errorf("a page of %d items has the key %v to continue from",
					page.Count, page.LastEvaluatedKey)
			}
			if input.ExclusiveStartKey = page.LastEvaluatedKey; input.ExclusiveStartKey == nil {
				slices.Sort(all)
				return all, nil
			}
		}
		return nil, errors.New("the scan returns pages endlessly")
	}
}

// itemsOfSegments returns the number of items of each segment that is not empty.
func itemsOfSegments(table string, total int32) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		var counts []int
		for segment := range total {
			page, err := client.Scan(context.Background(),
				&dynamodb.ScanInput{TableName: &table, Segment: aws.Int32(segment), TotalSegments: &total})
			if err != nil {
				return nil, err
			}
			if len(page.Items) > 0 {
				counts = append(counts, len(page.Items))
			}
		}
		return counts, nil
	}
}

// scanPutScan writes an item between two scans and returns the result of the second scan.
func scanPutScan(client *dynamodb.Client) (any, error) {
	if _, err := scanPages("sorted", 100)(client); err != nil {
		return nil, err
	}
	if err := putItem(client, "sorted", item{"pk": text("USER#bob"), "sk": text("BILLING")}); err != nil {
		return nil, err
	}
	return scanPages("sorted", 100)(client)
}

// scanSegments returns the hash keys of all segments, in order, without the longest one.
func scanSegments(table string, total int32) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		var all []string
		for segment := range total {
			page, err := client.Scan(context.Background(), &dynamodb.ScanInput{
				TableName: aws.String(table), Segment: aws.Int32(segment), TotalSegments: aws.Int32(total),
			})
			if err != nil {
				return nil, err
			}
			all = append(all, hashKeys(page)...)
		}
		slices.Sort(all)
		return all, nil
	}
}
