package customers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"billingportal/functions/internal/upstream"
)

// A slowTable delays each call by latency, and gives up when the context ends.
type slowTable struct {
	*fakeTable
	latency time.Duration
}

func (s slowTable) wait(ctx context.Context) error {
	select {
	case <-time.After(s.latency):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slowTable) GetItem(ctx context.Context, input *dynamodb.GetItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.fakeTable.GetItem(ctx, input)
}

func (s slowTable) UpdateItem(ctx context.Context, input *dynamodb.UpdateItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.fakeTable.UpdateItem(ctx, input)
}

// crowd returns a table with a customer whom many users claim, as an older version left it: the
// customer's own item has all of them.
func crowd(users int) (*fakeTable, []string) {
	table := newFakeTable(plainTable)
	var all []string
	for i := range users {
		user := fmt.Sprintf("user-%08d-0123-4567-89ab-cdef", i)
		all = append(all, user)
		table.items[user] = plainTable.NewItem(user, State{"cus_a": {Reference: At(5)}})
	}
	table.items["cus_a"] = attributes{"user_id": text("cus_a"),
		usersAttribute: &types.AttributeValueMemberSS{Value: slices.Clone(all)}}
	return table, all
}

func requireNoCustomer(t *testing.T, table *fakeTable, users []string) {
	t.Helper()
	for _, user := range users {
		if got, err := (&Store{Client: table, Table: plainTable}).CustomerID(t.Context(),
			user); !errors.Is(err, ErrNoCustomer) {
			t.Fatalf("%s has %q, %v", user, got, err)
		}
	}
}

// Stripe sends an event again after an answer that is not 2xx. Each delivery continues where the
// last one stopped.
func TestADeletionThatRunsOutOfTimeContinues(t *testing.T) {
	for name, test := range map[string]struct {
		users      int
		latency    time.Duration
		deliveries int
	}{
		"100 users, in time":                              {100, 30 * time.Millisecond, 1},
		"100 users, 100 ms a call":                        {100, 100 * time.Millisecond, 3},
		"100 users, 300 ms a call":                        {100, 300 * time.Millisecond, 9},
		"the slowest call within the time limit of a try": {3, time.Second, 1},
		"slower than a try":                               {3, 2 * time.Second, 3},
		"4,000 users of an older version":                 {4000, 10 * time.Millisecond, 11},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				table, users := crowd(test.users)
				writer := &Writer{Client: slowTable{table, test.latency}, Table: plainTable}
				left := test.users
				for delivery := 1; ; delivery++ {
					ctx, cancel := upstream.WithBudget(t.Context())
					outcome, err := writer.Apply(ctx, Change{Deleted: "cus_a"})
					cancel()
					now := len(usersOf(table.items["cus_a"]))
					if now >= left {
						t.Fatalf("delivery %d: %d users are left after %d, %v", delivery, now, left, err)
					}
					left = now
					if err == nil {
						if delivery != test.deliveries || outcome.Effect != Deleted {
							t.Errorf("%s after %d deliveries, want %d", outcome.Effect, delivery, test.deliveries)
						}
						break
					}
					var failure *upstream.Error
					if !errors.As(err, &failure) || failure.Permanent {
						t.Fatal(err)
					}
				}
				requireNoCustomer(t, table, users)
				if item := table.items["cus_a"]; left != 0 || !isMarked(item) {
					t.Errorf("the item is %v", item)
				}
			})
		})
	}
}

// fullItem returns a table whose customer's own item has as many users as DynamoDB accepted, and
// this much room left.
func fullItem(t *testing.T, room int) (*fakeTable, []string) {
	t.Helper()
	table, users := crowd(100)
	item := table.items["cus_a"]
	for first := range 30 { // the shortest users come first, and their removal makes the least room
		user := string(rune('0' + first))
		users = append(users, user)
		table.items[user] = plainTable.NewItem(user, State{"cus_a": {Reference: At(5)}})
		item[usersAttribute].(*types.AttributeValueMemberSS).Value = append(
			item[usersAttribute].(*types.AttributeValueMemberSS).Value, user)
	}
	for i := 0; ; i++ {
		left := 400<<10 - size(item) - room
		if left == 0 {
			return table, users
		}
		user := fmt.Sprintf("u%05d", i) + strings.Repeat("x", min(1000, left))
		user = user[:min(len(user), left)]
		users = append(users, user)
		table.items[user] = plainTable.NewItem(user, State{"cus_a": {Reference: At(5)}})
		set := item[usersAttribute].(*types.AttributeValueMemberSS)
		set.Value = append(set.Value, user)
	}
}

func TestClaimsAndDeletionsSucceedWithAFullItem(t *testing.T) {
	for _, room := range []int{0, 1, len(deletedAttribute), len(deletedAttribute) + 1} {
		table, users := fullItem(t, room)
		before := size(table.items["cus_a"])
		outcome := apply(t, table, plainTable, Change{Facts: []Fact{claim("one more", "cus_a", 5)}})
		if got, err := (&Store{Client: table, Table: plainTable}).CustomerID(t.Context(), "one more"); got != "cus_a" ||
			outcome.Effect != Claimed {
			t.Errorf("%s, %q, %v", outcome.Effect, got, err)
		}
		if grown := size(table.items["cus_a"]); grown != before {
			t.Errorf("the item had %d bytes and has %d", before, grown)
		}
		apply(t, table, plainTable, Change{Deleted: "cus_a"})
		requireNoCustomer(t, table, users)
		if item := table.items["cus_a"]; !isMarked(item) || len(usersOf(item)) > 0 {
			t.Errorf("the item is %v", item)
		}
	}
}

// The item has no room for the mark, and no room can be made: the attributes belong to an app.
func TestFullItemOfAnAppIsNotChanged(t *testing.T) {
	table := newFakeTable(plainTable)
	table.items["cus_a"] = attributes{"user_id": text("cus_a"), "theirs": text(strings.Repeat("x", 400<<10-20))}
	_, err := (&Writer{Client: table, Table: plainTable}).Apply(t.Context(), Change{Deleted: "cus_a"})
	var failure *upstream.Error
	if !errors.As(err, &failure) || failure.Reason != "ValidationException" ||
		!slices.Equal(table.calls, []string{"UpdateItem", "GetItem"}) {
		t.Errorf("%v after %v", err, table.calls)
	}
}

// The error must be that of the read, which can be retried. Otherwise it would look as if the item
// could never be marked.
func TestReadErrorOfAFullItemIsReturned(t *testing.T) {
	table, _ := fullItem(t, 0)
	_, err := (&Writer{Client: throttledReads{table}, Table: plainTable}).Apply(t.Context(), Change{Deleted: "cus_a"})
	var failure *upstream.Error
	if !errors.As(err, &failure) || failure.Permanent || failure.Reason != "ThrottlingException" {
		t.Errorf("%v after %v", err, table.calls)
	}
}

type throttledReads struct{ *fakeTable }

func (throttledReads) GetItem(context.Context, *dynamodb.GetItemInput,
	...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return nil, &smithy.GenericAPIError{Code: "ThrottlingException"}
}

// Another error is not taken for a full item.
func TestOtherErrorEndsADeletion(t *testing.T) {
	table, _ := crowd(3)
	refusing := refusingTable{table, errors.New("no connection")}
	_, err := (&Writer{Client: refusing, Table: plainTable}).Apply(t.Context(), Change{Deleted: "cus_a"})
	if err == nil || len(table.calls) > 0 {
		t.Errorf("%v after %v", err, table.calls)
	}
}

type refusingTable struct {
	*fakeTable
	err error
}

func (r refusingTable) UpdateItem(context.Context, *dynamodb.UpdateItemInput,
	...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return nil, r.err
}

func TestTheNumberOfUsersInACustomersItem(t *testing.T) {
	table := newFakeTable(plainTable)
	long := strings.Repeat("ü", 200) + strings.Repeat("\U0001f600", 50) // 600 bytes
	for i := range maxUsersOfLong + 5 {
		apply(t, table, plainTable, Change{Facts: []Fact{claim(fmt.Sprint(long, i), "cus_a", 5)}})
	}
	if got := len(usersOf(table.items["cus_a"])); got != maxUsersOfLong {
		t.Errorf("%d users with long IDs", got)
	}
	for i := range maxUsers {
		apply(t, table, plainTable, Change{Facts: []Fact{claim(fmt.Sprint("short", i), "cus_a", 5)}})
	}
	users := usersOf(table.items["cus_a"])
	if len(users) != maxUsers || !slices.Contains(users, "short79") || slices.Contains(users, "short80") {
		t.Errorf("%d users: %v", len(users), users)
	}
	// Users beyond the limit are not reached, but a deletion that names them is joined, and so is
	// their next claim.
	apply(t, table, plainTable, Change{Deleted: "cus_a", Facts: []Fact{deletionOf("short80", "cus_a")}})
	requireNoCustomer(t, table, append(users, "short80"))
	if got, _ := (&Store{Client: table, Table: plainTable}).CustomerID(t.Context(), "short81"); got != "cus_a" {
		t.Errorf("short81 has %q", got)
	}
	apply(t, table, plainTable, Change{Facts: []Fact{claim("short81", "cus_a", 6)}})
	requireNoCustomer(t, table, []string{"short81"})
}

// A customer whose ID is too long for the table's keys has no item of its own.
func TestACustomerTooLongForAKeyHasNoItem(t *testing.T) {
	narrow := Table{Name: "app", Key: "pk", SortKey: "sk", SortValue: strings.Repeat("x", maxSortKeySize-10) + "{user}",
		Attribute: "customer_id"}
	table := newFakeTable(narrow)
	customer := "cus_12345678"
	claimed := apply(t, table, narrow, Change{Facts: []Fact{claim("alice", customer, 5)}})
	deleted := apply(t, table, narrow, Change{Facts: []Fact{deletionOf("alice", customer)}, Deleted: customer})
	if claimed.Calls != 2 || claimed.Effect != Claimed || deleted.Calls != 2 ||
		deleted.Effect != Deleted || len(table.items) != 1 {
		t.Errorf("%+v, %+v, %v", claimed, deleted, table.items)
	}
}

// A malformed item does not delay the other users, and is tried again with the next delivery.
func TestDeletionContinuesAfterAMalformedItem(t *testing.T) {
	table, users := crowd(3)
	table.items[users[1]]["customer_id"] = text("Jane Doe")
	writer := &Writer{Client: table, Table: plainTable}
	for range 2 {
		if _, err := writer.Apply(t.Context(), Change{Deleted: "cus_a"}); !errors.Is(err, ErrMalformed) {
			t.Errorf("error = %v", err)
		}
		if got := usersOf(table.items["cus_a"]); !slices.Equal(got, users[1:2]) {
			t.Errorf("left are %v", got)
		}
	}
	table.items[users[1]]["customer_id"] = text("cus_a")
	apply(t, table, plainTable, Change{Deleted: "cus_a"})
	requireNoCustomer(t, table, users)
}

// An older version did not note claims by metadata.
func TestATableOfAnOlderVersion(t *testing.T) {
	old := func() *fakeTable {
		table := newFakeTable(plainTable)
		for _, user := range []string{"alice", "bob"} {
			table.items[user] = plainTable.NewItem(user, State{"cus_a": {Metadata: At(5)}})
		}
		return table
	}
	t.Run("a deletion that names the user", func(t *testing.T) {
		table := old()
		apply(t, table, plainTable, Change{Deleted: "cus_a", Facts: []Fact{deletionOf("alice", "cus_a")}})
		requireNoCustomer(t, table, []string{"alice"})
	})
	t.Run("a newer claim", func(t *testing.T) {
		table := old()
		apply(t, table, plainTable, Change{Facts: []Fact{claim("alice", "cus_a", 6)}})
		apply(t, table, plainTable, Change{Deleted: "cus_a"})
		requireNoCustomer(t, table, []string{"alice"})
	})
	t.Run("a newer claim after the deletion", func(t *testing.T) {
		table := old()
		apply(t, table, plainTable, Change{Deleted: "cus_a"})
		apply(t, table, plainTable, Change{Facts: []Fact{claim("alice", "cus_a", 6)}})
		requireNoCustomer(t, table, []string{"alice"})
	})
}

// A mapping written by hand is a claim for the first change that writes its item: that change notes
// the claim, or finds the mark.
func TestDeletionEndsAMappingWrittenByHand(t *testing.T) {
	deletion := Change{Deleted: "cus_hand"}
	for name, change := range map[string]Change{
		"a claim of the same customer": {Facts: []Fact{claim("alice", "cus_hand", 5)}},
		"a claim of another one": {Facts: []Fact{{User: "alice", Customer: "cus_b",
			Facts: Facts{Metadata: At(5), Released: At(6)}}}},
		"a release of another one": {Facts: []Fact{release("alice", "cus_b", 5)}},
		"a reference of another one": {Facts: []Fact{{User: "alice", Customer: "cus_b",
			Facts: Facts{Reference: At(5), Deleted: true}}}},
		"a deletion of another one": {Facts: []Fact{deletionOf("alice", "cus_b")}, Deleted: "cus_b"},
	} {
		for order, changes := range map[string][]Change{"before": {deletion, change}, "after": {change, deletion}} {
			t.Run(name+", deleted "+order, func(t *testing.T) {
				table := newFakeTable(plainTable)
				table.items["alice"] = attributes{"user_id": text("alice"), "customer_id": text("cus_hand")}
				for _, change := range changes {
					apply(t, table, plainTable, change)
				}
				requireNoCustomer(t, table, []string{"alice"})
			})
		}
	}
	t.Run("its own deletion reads it once", func(t *testing.T) {
		table := newFakeTable(plainTable)
		table.items["alice"] = attributes{"user_id": text("alice"), "customer_id": text("cus_hand")}
		if outcome := apply(t, table, plainTable,
			Change{Deleted: "cus_hand", Facts: []Fact{deletionOf("alice", "cus_hand")}}); outcome.Calls != 3 {
			t.Errorf("%d calls", outcome.Calls)
		}
	})
}

// The newest of many customers are deleted, forwards or backwards in time. Then Stripe sends old
// events again.
func TestManyCustomersOfOneUser(t *testing.T) {
	var created, deleted []Change
	for i := range maxCustomers {
		customer := fmt.Sprintf("cus_%03d", i)
		created = append(created, Change{Facts: []Fact{claim("alice", customer, int64(1000+i))}})
		if i > 0 {
			deleted = append(deleted, Change{Deleted: customer, Facts: []Fact{deletionOf("alice", customer)}})
		}
	}
	forwards := slices.Concat(created, deleted)
	backwards := slices.Clone(forwards)
	slices.Reverse(backwards)
	for name, changes := range map[string][]Change{"forwards": forwards, "backwards": backwards,
		"deletions first": slices.Concat(deleted, created)} {
		t.Run(name, func(t *testing.T) {
			table := newFakeTable(plainTable)
			for _, change := range append(slices.Clone(changes), created...) {
				apply(t, table, plainTable, change)
				found, err := plainTable.read(table.items["alice"])
				if err != nil || found.customer.id != found.state.Customer() {
					t.Fatalf("the customer is %q of %v, %v", found.customer.id, found.state, err)
				}
			}
			if got, err := (&Store{Client: table, Table: plainTable}).CustomerID(t.Context(),
				"alice"); got != "cus_000" {
				t.Errorf("customer = %q, %v", got, err)
			}
		})
	}
	t.Run("more than the item has", func(t *testing.T) {
		table := newFakeTable(plainTable)
		for _, change := range forwards {
			apply(t, table, plainTable, change)
		}
		for i := range 5 { // which remove deleted ones from the item
			apply(t, table, plainTable, Change{Facts: []Fact{reference("alice", fmt.Sprintf("cus_bought_%d", i), 5)}})
		}
		for _, change := range created {
			apply(t, table, plainTable, change)
		}
		if got, err := (&Store{Client: table, Table: plainTable}).CustomerID(t.Context(), "alice"); got != "cus_000" {
			t.Errorf("customer = %q, %v", got, err)
		}
	})
}

// A claim of a deleted customer is delivered again after it was trimmed from the user's item.
func TestTrimmedClaimReportsTheDeletion(t *testing.T) {
	table := newFakeTable(plainTable)
	state := State{}
	for i := range maxCustomers {
		state[fmt.Sprintf("cus_%03d", i)] = Facts{Metadata: At(int64(1000 + i))}
	}
	table.items["alice"] = plainTable.NewItem("alice", state)
	apply(t, table, plainTable, Change{Deleted: "cus_x"})
	table.calls = nil
	outcome := apply(t, table, plainTable, Change{Facts: []Fact{claim("alice", "cus_x", 9999)}})
	if !outcome.IsDeleted || outcome.IsIdle || !slices.Equal(table.calls, []string{"GetItem", "UpdateItem"}) ||
		outcome.Effect != Conflict {
		t.Errorf("%+v after %v", outcome, table.calls)
	}
}
