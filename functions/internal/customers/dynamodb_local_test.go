//go:build integration

package customers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/faulttest"
	"billingportal/functions/integrationtest"
)

// TestDynamoDBLocal repeats items, races and histories with the real client and DynamoDB Local. It
// checks that the expressions mean what the fake table assumes.
func TestDynamoDBLocal(t *testing.T) {
	client := dynamodb.NewFromConfig(faulttest.AWSConfig(integrationtest.DynamoDBLocal(t), time.Minute))
	plain, single := plainTable, Table{Name: "app", Key: "pk", KeyFormat: "USER#{user}", SortKey: "sk",
		SortValue: "BILLING#{user}", Attribute: "billing.stripe.customer_id"}
	createTable(t, client, plain)
	createTable(t, client, single)

	t.Run("items", func(t *testing.T) { testRealItems(t, client) })
	t.Run("paths", func(t *testing.T) { testRealPaths(t, client, single) })
	t.Run("a full item", func(t *testing.T) { testRealFullItem(t, client, plain) })
	t.Run("limits", func(t *testing.T) { testRealLimits(t, client, single) })
	for name, table := range map[string]Table{"histories": plain, "histories in a single-table design": single} {
		t.Run(name, func(t *testing.T) { testRealHistories(t, client, table) })
	}
}

func testRealItems(t *testing.T, client *dynamodb.Client) {
	for name, test := range itemCases() {
		t.Run(name, func(t *testing.T) {
			table := test.table
			table.Name = fmt.Sprintf("items-%s-%s", table.Key, table.SortKey)
			createTable(t, client, table)
			for _, id := range []string{"alice", "cus_a", "cus_b", "cus_hand"} { // from the case before
				key, _ := table.keyOf(id)
				if _, err := client.DeleteItem(t.Context(),
					&dynamodb.DeleteItemInput{TableName: table.name(), Key: key}); err != nil {
					t.Fatal(err)
				}
			}
			if test.item != nil {
				if _, err := client.PutItem(t.Context(),
					&dynamodb.PutItemInput{TableName: table.name(), Item: test.item}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := (&Writer{Client: client, Table: table}).Apply(t.Context(), test.change); err != nil {
				t.Fatal(err)
			}
			if got := itemOf(t, client, table, "alice"); !reflect.DeepEqual(got, test.want) {
				t.Errorf("item = %v\nwant   %v", got, test.want)
			}
		})
	}
}

// Values on the path to a nested attribute, as Store and Writer see them.
func testRealPaths(t *testing.T, client *dynamodb.Client, table Table) {
	null := &types.AttributeValueMemberNULL{Value: true}
	for name, test := range map[string]struct {
		attributes attributes
		want       error
	}{
		"nothing":       {attributes{}, ErrNoCustomer},
		"an empty map":  {attributes{"billing": object(attributes{})}, ErrNoCustomer},
		"NULL":          {attributes{"billing": null}, ErrNoCustomer},
		"NULL in a map": {attributes{"billing": object(attributes{"stripe": null})}, ErrNoCustomer},
		"NULL at the end": {attributes{
			"billing": object(attributes{"stripe": object(attributes{"customer_id": null})}),
		}, ErrNoCustomer},
		"empty text": {
			attributes{"billing": object(attributes{"stripe": object(attributes{"customer_id": text("")})})},
			ErrNoCustomer},
		"text on the path":  {attributes{"billing": text("cus_1")}, ErrMalformed},
		"text within a map": {attributes{"billing": object(attributes{"stripe": text("cus_1")})}, ErrMalformed},
		"a map at the end": {
			attributes{
				"billing": object(attributes{"stripe": object(attributes{"customer_id": object(attributes{})})}),
			}, ErrMalformed},
		"other text at the end": {
			attributes{"billing": object(attributes{"stripe": object(attributes{"customer_id": text("sub_1")})})},
			ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			item, _ := table.keyOf("paul")
			key := maps.Clone(item)
			maps.Copy(item, test.attributes)
			if _, err := client.PutItem(t.Context(),
				&dynamodb.PutItemInput{TableName: table.name(), Item: item}); err != nil {
				t.Fatal(err)
			}
			store := &Store{Client: client, Table: table}
			if got, err := store.CustomerID(t.Context(), "paul"); !errors.Is(err, test.want) {
				t.Errorf("read %q, %v, want %v", got, err, test.want)
			}
			_, err := (&Writer{Client: client, Table: table}).Apply(t.Context(),
				Change{Facts: []Fact{claim("paul", "cus_a", 5)}})
			if errors.Is(test.want, ErrMalformed) {
				if !errors.Is(err, ErrMalformed) {
					t.Errorf("written: %v", err)
				}
				maps.Copy(key, test.attributes)
				if got := itemOf(t, client, table, "paul"); !reflect.DeepEqual(got, key) {
					t.Errorf("the item became %v", got)
				}
				return
			}
			if got, readErr := store.CustomerID(t.Context(), "paul"); err != nil || readErr != nil || got != "cus_a" {
				t.Errorf("after a claim: %q, %v, %v", got, err, readErr)
			}
		})
	}
}

// DynamoDB accepts the longest keys, and longer ones are not sent.
func testRealLimits(t *testing.T, client *dynamodb.Client, single Table) {
	const longest = 200 // bytes in a user's ID
	narrow := plainTable
	narrow.KeyFormat = strings.Repeat("p", maxKeySize-longest) + placeholder
	single.SortValue = strings.Repeat("p", maxSortKeySize-longest) + placeholder
	for name, test := range map[string]struct {
		table Table
		size  int
	}{
		"a key":      {narrow, longest},
		"a sort key": {single, longest},
	} {
		t.Run(name, func(t *testing.T) {
			writer, store := &Writer{Client: client, Table: test.table}, &Store{Client: client, Table: test.table}
			for _, user := range []string{strings.Repeat("x", test.size), strings.Repeat("é", test.size/2),
				strings.Repeat("x", test.size+1)} {
				outcome, err := writer.Apply(t.Context(), Change{Facts: []Fact{reference(user, "cus_long", 5)}})
				got, readErr := store.CustomerID(t.Context(), user)
				switch fits := len(user) <= test.size; {
				case err != nil:
					t.Errorf("%d bytes: %v", len(user), err)
				case fits && (outcome.Effect != Claimed || got != "cus_long"):
					t.Errorf("%d bytes: %s, %q, %v", len(user), outcome.Effect, got, readErr)
				case !fits && (outcome.Effect != Unchanged || !errors.Is(readErr, ErrNoCustomer)):
					t.Errorf("%d bytes: %s, %q, %v", len(user), outcome.Effect, got, readErr)
				}
			}
		})
	}
}

// Two items of a customer: one that an older version filled, and one with as many users as it may
// have.
func testRealFullItem(t *testing.T, client *dynamodb.Client, table Table) {
	for _, room := range []int{0, len(deletedAttribute), len(deletedAttribute) + 1} {
		full, users := fullItem(t, room)
		if _, err := client.PutItem(t.Context(),
			&dynamodb.PutItemInput{TableName: table.name(), Item: full.items["cus_a"]}); err != nil {
			t.Fatal(err)
		}
		writer := &Writer{Client: client, Table: table}
		if outcome, err := writer.Apply(t.Context(),
			Change{Facts: []Fact{claim(fmt.Sprint("one more ", room), "cus_a", 5)}}); err != nil || outcome.IsDeleted {
			t.Errorf("%+v, %v", outcome, err)
		}
		if got := usersOf(itemOf(t, client, table, "cus_a")); len(got) != len(users) {
			t.Errorf("%d users, want %d", len(got), len(users))
		}
		if _, err := writer.Apply(t.Context(), Change{Deleted: "cus_a"}); err != nil {
			t.Fatal(err)
		}
		for _, user := range users {
			if found, err := table.read(itemOf(t, client, table, user)); err != nil || !found.state["cus_a"].Deleted {
				t.Fatalf("%.20s: %v, %v", user, found.state, err)
			}
		}
		outcome, err := writer.Apply(t.Context(),
			Change{Facts: []Fact{claim(fmt.Sprint("one more ", room), "cus_a", 6)}})
		if got := itemOf(t, client, table, "cus_a"); err != nil || !outcome.IsDeleted ||
			!isMarked(got) || len(usersOf(got)) > 0 {
			t.Errorf("%+v, %v, %v", outcome, err, got)
		}
	}
	t.Run("users", func(t *testing.T) {
		writer := &Writer{Client: client, Table: table}
		for i := range maxUsers + 5 {
			if _, err := writer.Apply(t.Context(),
				Change{Facts: []Fact{claim(fmt.Sprint("user", i), "cus_b", 5)}}); err != nil {
				t.Fatal(err)
			}
		}
		if got := usersOf(itemOf(t, client, table, "cus_b")); len(got) != maxUsers {
			t.Errorf("%d users", len(got))
		}
	})
}

const realHistories = 100

// testRealHistories lets several goroutines deliver histories at once, each history under its own
// key format.
func testRealHistories(t *testing.T, client *dynamodb.Client, table Table) {
	var all sync.WaitGroup
	turns := make(chan struct{}, 4)
	for seed := range uint64(realHistories) {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			own := table
			own.KeyFormat = fmt.Sprintf("%d#{user}", seed)
			newAccount(*firstSeed+seed, scaleOf(*firstSeed+seed)).playReal(t, client, own)
		})
	}
	all.Wait()
}

// unreliable loses calls before or after DynamoDB executes them.
type unreliable struct {
	*dynamodb.Client
	random *rand.Rand // for one goroutine
}

func (u unreliable) UpdateItem(ctx context.Context, input *dynamodb.UpdateItemInput,
	options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	fate := u.random.IntN(10)
	if fate == 0 {
		return nil, errLost
	}
	output, err := u.Client.UpdateItem(ctx, input, options...)
	if err == nil && fate == 1 {
		return nil, errLost
	}
	return output, err
}

func (a *account) playReal(t *testing.T, client *dynamodb.Client, table Table) {
	for user, customer := range a.handmade {
		item, _ := table.keyOf(user)
		path := table.path()
		item[path[0]] = wrapped(path[1:], customer)
		item["name"] = text("theirs")
		if _, err := client.PutItem(t.Context(),
			&dynamodb.PutItemInput{TableName: table.name(), Item: item}); err != nil {
			t.Error(err)
			return
		}
	}
	a.deliverReal(t, client, table, a.changes)
	imports := a.imports()
	for _, change := range imports {
		a.know(change.Facts[0])
	}
	a.spreadDeletions()
	a.deliverReal(t, client, table, imports)

	// Copy the table into a fake one, which check can read.
	seen := newFakeTable(plainTable)
	for _, id := range append(slices.Clone(a.users), a.customerIDs()...) {
		item := itemOf(t, client, table, id)
		if found, err := table.read(item); err == nil && found.customer.id != "" {
			item["customer_id"] = text(found.customer.id)
		}
		seen.items[id] = item
	}
	if failure := a.check(seen); failure != "" {
		t.Errorf("%s: %s", table.KeyFormat, failure)
	}
}

// deliverReal lets several goroutines deliver all changes at once.
func (a *account) deliverReal(t *testing.T, client *dynamodb.Client, table Table, all []Change) {
	var deliverers sync.WaitGroup
	for i := range 3 {
		random := rand.New(rand.NewPCG(a.random.Uint64(), uint64(i)))
		deliverers.Go(func() {
			// Each goroutine delivers every change, in an order of its own.
			writer := &Writer{Client: unreliable{client, random}, Table: table}
			changes := slices.Clone(all)
			random.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
			for len(changes) > 0 {
				if _, err := writer.Apply(t.Context(), changes[0]); err != nil {
					changes = append(changes, changes[0])
				}
				changes = changes[1:]
			}
		})
	}
	deliverers.Wait()
}

func (a *account) customerIDs() []string {
	ids := make([]string, len(a.customers))
	for i, c := range a.customers {
		ids[i] = c.id
	}
	return ids
}

func itemOf(t *testing.T, client *dynamodb.Client, table Table, id string) attributes {
	t.Helper()
	key, _ := table.keyOf(id)
	output, err := client.GetItem(t.Context(),
		&dynamodb.GetItemInput{TableName: table.name(), Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Error(err)
		return nil
	}
	return output.Item
}

// createTable creates a table unless it exists.
func createTable(t *testing.T, client *dynamodb.Client, table Table) {
	t.Helper()
	input := &dynamodb.CreateTableInput{TableName: table.name(), BillingMode: types.BillingModePayPerRequest}
	keyTypes := []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}
	for i, name := range []string{table.Key, table.SortKey} {
		if name != "" {
			input.AttributeDefinitions = append(input.AttributeDefinitions,
				types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS})
			input.KeySchema = append(input.KeySchema, types.KeySchemaElement{AttributeName: &name,
				KeyType: keyTypes[i]})
		}
	}
	var exists *types.ResourceInUseException
	if _, err := client.CreateTable(t.Context(), input); err != nil && !errors.As(err, &exists) {
		t.Fatal(err)
	}
}
