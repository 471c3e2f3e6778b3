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

// scanContract is about the seeded tables: it comes before the cases that write.
func scanContract() []contractCase {
	return []contractCase{
		{name: "segments are the whole table together, each item once", call: scanSegments("customers", 3),
			want: []string{"alice", "empty", "large", "nested", "null", "number"}},
		{name: "a partition is in one segment", call: itemsOfSegments("sorted", 16), want: []int{2}},
		{name: "pages that go on after the key of the last are the whole table, each item once",
			call: scanPages("customers", 2),
			want: []string{"alice", "empty", "large", "nested", "null", "number"}},
		{name: "a full page has a key to go on from, even if nothing follows", call: scanPages("sorted", 1),
			want: []string{"USER#alice", "USER#alice"}},
		{name: "a limit below one is refused", fails: validation,
			call: scan(&dynamodb.ScanInput{TableName: aws.String("customers"), Limit: aws.Int32(0)}),
			says: "Limit must be greater than or equal to 1"},
		{name: "one segment is the whole table", call: scanSegments("sorted", 1),
			want: []string{"USER#alice", "USER#alice"}},
		{name: "a segment without a number of segments is refused", fails: validation,
			call: scan(&dynamodb.ScanInput{TableName: aws.String("customers"), Segment: aws.Int32(0)}),
			says: "If segment is specified, total segment must also be specified"},
		{name: "a number of segments without a segment is refused", fails: validation,
			call: scan(&dynamodb.ScanInput{TableName: aws.String("customers"), TotalSegments: aws.Int32(2)}),
			says: "If total segments is specified, a particular segment must also be specified for this request"},
		{name: "a segment beyond their number is refused", fails: validation,
			call: scan(&dynamodb.ScanInput{TableName: aws.String("customers"), Segment: aws.Int32(2),
				TotalSegments: aws.Int32(2)}),
			says: "1 validation error detected: Value '2' at 'segment' failed to satisfy constraint: Member must " +
				"have value less than or equal to 1"},
		{name: "what is written after a scan is in the next", call: scanPutScan,
			want: []string{"USER#alice", "USER#alice", "USER#bob"}},
	}
}

func scan(input *dynamodb.ScanInput) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) { return client.Scan(context.Background(), input) }
}

// hashKeys are those of the items of a page, less the longest one.
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

// scanPages returns the hash keys of all pages together, in order. Each but the last is full.
func scanPages(table string, limit int32) func(*dynamodb.Client) (any, error) {
	return func(client *dynamodb.Client) (any, error) {
		input := &dynamodb.ScanInput{TableName: &table, Limit: &limit}
		var all []string
		for range 20 { // more than the tables have items
			page, err := client.Scan(context.Background(), input)
			if err != nil {
				return nil, err
			}
			all = append(all, hashKeys(page)...)
			if isFull := page.Count == limit; isFull != (page.LastEvaluatedKey != nil) ||
				int(page.Count) != len(page.Items) || page.ScannedCount != page.Count {
				return nil, fmt.Errorf("a page of %d items goes on after %v", page.Count, page.LastEvaluatedKey)
			}
			if input.ExclusiveStartKey = page.LastEvaluatedKey; input.ExclusiveStartKey == nil {
				slices.Sort(all)
				return all, nil
			}
		}
		return nil, errors.New("the pages have no end")
	}
}

// itemsOfSegments returns the numbers of items of the segments that have any.
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

// scanPutScan writes an item between two scans, and returns what the second finds.
func scanPutScan(client *dynamodb.Client) (any, error) {
	if _, err := scanPages("sorted", 100)(client); err != nil {
		return nil, err
	}
	if err := putItem(client, "sorted", item{"pk": text("USER#bob"), "sk": text("BILLING")}); err != nil {
		return nil, err
	}
	return scanPages("sorted", 100)(client)
}

// scanSegments returns the hash keys that all segments have together, less the longest one, in
// order.
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
