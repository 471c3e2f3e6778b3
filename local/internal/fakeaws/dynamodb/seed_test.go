package dynamodb_test

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	fakedynamodb "billingportal/local/internal/fakeaws/dynamodb"
	"billingportal/local/internal/fakeaws/fakeawstest"
)

func TestSDKReadsSeededItems(t *testing.T) {
	dynamo := fakedynamodb.NewServer()
	if err := dynamo.CreateTable("customers", "user_id"); err != nil {
		t.Fatal(err)
	}
	err := dynamo.Put("customers", map[string]any{
		"user_id": "alice", "n": 42, "f": 1.5, "yes": true, "null": nil, "list": []any{"a", 1},
		"map": map[string]any{"k": "v"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := get("customers", text("alice"))(dynamoClient(fakeawstest.Serve(t, dynamo), new(fakeawstest.LastAnswer)))
	if err != nil {
		t.Fatal(err)
	}
	want := item{
		"user_id": text("alice"), "n": number("42"), "f": number("1.5"),
		"yes": &types.AttributeValueMemberBOOL{Value: true}, "null": &types.AttributeValueMemberNULL{Value: true},
		"list": &types.AttributeValueMemberL{Value: []types.AttributeValue{text("a"), number("1")}},
		"map":  &types.AttributeValueMemberM{Value: item{"k": text("v")}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

func TestSeedDataIsCheckedLikeRequests(t *testing.T) {
	for _, c := range []struct {
		name string
		seed func(*fakedynamodb.Server) error
		want string
	}{
		{"a duplicate table", func(d *fakedynamodb.Server) error { return d.CreateTable("customers", "id") },
			"ResourceInUseException"},
		{"a bad table name",
			func(d *fakedynamodb.Server) error { return d.CreateTable("c", "id") }, "ValidationException"},
		{"an unknown table", func(d *fakedynamodb.Server) error {
			return d.Put("nowhere", map[string]any{"user_id": "a"})
		}, "ResourceNotFoundException"},
		{"a missing key", func(d *fakedynamodb.Server) error { return d.Put("customers", map[string]any{"id": "a"}) },
			"ValidationException"},
		{"a Go type without an attribute type", func(d *fakedynamodb.Server) error {
			return d.Put("customers", map[string]any{"user_id": []any{map[string]any{"k": struct{}{}}}})
		}, "no attribute type for struct {}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dynamo := fakedynamodb.NewServer()
			if err := dynamo.CreateTable("customers", "user_id"); err != nil {
				t.Fatal(err)
			}
			if err := c.seed(dynamo); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one of %s", err, c.want)
			}
		})
	}
}

// Each update sees the results of all earlier updates, and its condition stays true until the
// update is done.
func TestUpdatesAreAtomic(t *testing.T) {
	dynamo := fakedynamodb.NewServer()
	if err := dynamo.CreateTable("customers", "user_id"); err != nil {
		t.Fatal(err)
	}
	client := dynamoClient(fakeawstest.Serve(t, dynamo), nil)
	var all sync.WaitGroup
	var claimed atomic.Int32
	for i := range 20 {
		all.Go(func() {
			for _, in := range []*dynamodb.UpdateItemInput{
				{UpdateExpression: aws.String("ADD n :v, ids :id"),
					ExpressionAttributeValues: item{":v": number("1"), ":id": set(strconv.Itoa(i))}},
				{UpdateExpression: aws.String("SET winner = :v"),
					ConditionExpression:       aws.String("attribute_not_exists(winner)"),
					ExpressionAttributeValues: item{":v": number("1")}},
			} {
				in.TableName, in.Key = aws.String("customers"), item{"user_id": text("alice")}
				_, err := client.UpdateItem(t.Context(), in)
				if in.ConditionExpression != nil && err == nil {
					claimed.Add(1)
				} else if in.ConditionExpression == nil && err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got, err := get("customers", text("alice"))(client)
	if err != nil {
		t.Fatal(err)
	}
	alice := got.(item)
	if !reflect.DeepEqual(alice["n"], number("20")) ||
		len(alice["ids"].(*types.AttributeValueMemberSS).Value) != 20 || claimed.Load() != 1 {
		t.Errorf("n = %v, ids = %v, %d won", alice["n"], alice["ids"], claimed.Load())
	}
}

// With -race this fails if a read and a write access the same data without a lock.
func TestConcurrentReadsAndWrites(t *testing.T) {
	dynamo := fakedynamodb.NewServer()
	if err := dynamo.CreateTable("customers", "user_id"); err != nil {
		t.Fatal(err)
	}
	endpoint := fakeawstest.Serve(t, dynamo)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				if err := dynamo.Put("customers",
					map[string]any{"user_id": "alice", "customer_id": "cus_1"}); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			client := dynamoClient(endpoint, new(fakeawstest.LastAnswer))
			for range 20 {
				if _, err := updateIn("customers", item{"user_id": text("alice")})(client); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			client := dynamoClient(endpoint, new(fakeawstest.LastAnswer))
			for range 20 {
				if _, err := get("customers", text("alice"))(client); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
