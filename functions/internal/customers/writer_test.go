package customers

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

var plainTable = Table{Name: "customers", Key: "user_id", Attribute: "customer_id"}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func object(members attributes) types.AttributeValue {
	return &types.AttributeValueMemberM{Value: members}
}

func claim(user, customer string, seconds int64) Fact {
	return Fact{User: user, Customer: customer, Facts: Facts{Metadata: At(seconds)}}
}

func reference(user, customer string, seconds int64) Fact {
	return Fact{User: user, Customer: customer, Facts: Facts{Reference: At(seconds)}}
}

func release(user, customer string, seconds int64) Fact {
	return Fact{User: user, Customer: customer, Facts: Facts{Released: At(seconds)}}
}

// apply applies a change that must succeed.
func apply(t *testing.T, table *fakeTable, layout Table, change Change) Outcome {
	t.Helper()
	outcome, err := (&Writer{Client: table, Table: layout}).Apply(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func TestEffectsAndCalls(t *testing.T) {
	// user, customer's own item, user
	newClaim := []string{"GetItem", "UpdateItem", "UpdateItem"}
	// customer's own item, user, user, customer's own item
	deletion := []string{"UpdateItem", "GetItem", "UpdateItem", "UpdateItem"}
	for name, test := range map[string]struct {
		before []Change
		change Change
		effect Effect
		calls  []string
		want   string // alice's customer
	}{
		"a claim by a customer's metadata": {nil, Change{Facts: []Fact{claim("alice", "cus_a", 5)}},
			Claimed, newClaim, "cus_a"},
		"the same claim again": {[]Change{{Facts: []Fact{claim("alice", "cus_a", 5)}}},
			Change{Facts: []Fact{claim("alice", "cus_a", 5)}}, Unchanged, []string{"GetItem"}, "cus_a"},
		"an older claim": {[]Change{{Facts: []Fact{claim("alice", "cus_a", 5)}}},
			Change{Facts: []Fact{claim("alice", "cus_a", 4)}}, Unchanged, []string{"GetItem"}, "cus_a"},
		"a claim by a checkout session": {nil, Change{Facts: []Fact{reference("alice", "cus_a", 5)}},
			Claimed, newClaim, "cus_a"},
		"the same claim by a session again": {[]Change{{Facts: []Fact{reference("alice", "cus_a", 5)}}},
			Change{Facts: []Fact{reference("alice", "cus_a", 5)}}, Unchanged, []string{"GetItem"}, "cus_a"},
		"a newer claim": {[]Change{{Facts: []Fact{claim("alice", "cus_a", 5)}}},
			Change{Facts: []Fact{claim("alice", "cus_a", 6)}}, Claimed, newClaim, "cus_a"},
		"a claim of a deleted customer": {[]Change{{Deleted: "cus_a"}},
			Change{Facts: []Fact{reference("alice", "cus_a", 5)}}, Claimed, newClaim, ""},
		"a deletion that names the user": {[]Change{{Facts: []Fact{claim("alice", "cus_a", 5)}}},
			Change{Facts: []Fact{deletionOf("alice", "cus_a")}, Deleted: "cus_a"}, Deleted, deletion, ""},
		"the same deletion that names the user again": {[]Change{
			{Facts: []Fact{claim("alice", "cus_a", 5)}}, {Deleted: "cus_a"},
		}, Change{Facts: []Fact{deletionOf("alice", "cus_a")}, Deleted: "cus_a"}, Unchanged,
			[]string{"UpdateItem", "GetItem"}, ""},
		"a deletion before the claim": {nil, Change{Facts: []Fact{deletionOf("alice", "cus_a")}, Deleted: "cus_a"},
			Deleted, []string{"UpdateItem", "GetItem", "UpdateItem"}, ""},
		"a deletion of a customer that a session claims": {[]Change{{Facts: []Fact{reference("alice", "cus_a", 5)}}},
			Change{Deleted: "cus_a"}, Deleted,
			deletion, ""},
		"a deletion of a customer without users": {nil, Change{Deleted: "cus_a"}, Deleted, []string{"UpdateItem"}, ""},
		"the same deletion again": {[]Change{{Deleted: "cus_a"}}, Change{Deleted: "cus_a"}, Unchanged,
			[]string{"UpdateItem"}, ""},
		"a release": {[]Change{{Facts: []Fact{claim("alice", "cus_a", 5)}}},
			Change{Facts: []Fact{release("alice", "cus_a", 6)}}, Released, []string{"GetItem", "UpdateItem"}, ""},
		"a release next to a conflict": {[]Change{{
			Facts: []Fact{claim("alice", "cus_a", 5)},
		}, {Facts: []Fact{claim("alice", "cus_b", 6)}}}, Change{Facts: []Fact{release("alice", "cus_c", 7)}}, Released,
			[]string{"GetItem", "UpdateItem"}, "cus_b"},
		"a move away": {[]Change{{Facts: []Fact{claim("alice", "cus_a", 5)}}},
			Change{Facts: []Fact{release("alice", "cus_a", 6), claim("bob", "cus_a", 6)}}, Claimed,
			[]string{"GetItem", "UpdateItem", "GetItem", "UpdateItem", "UpdateItem"}, ""},
		"a second customer": {[]Change{{Facts: []Fact{claim("alice", "cus_a", 5)}}},
			Change{Facts: []Fact{claim("alice", "cus_b", 6)}}, Conflict, newClaim, "cus_b"},
		"a second customer, again": {[]Change{{
			Facts: []Fact{claim("alice", "cus_a", 5)},
		}, {Facts: []Fact{claim("alice", "cus_b", 6)}}}, Change{Facts: []Fact{claim("alice", "cus_b", 6)}}, Conflict,
			[]string{"GetItem"}, "cus_b"},
		"an empty change": {nil, Change{}, Unchanged, nil, ""},
		"a checkout by a user too long for a key": {nil,
			Change{Facts: []Fact{reference(strings.Repeat("x", 2049), "cus_a", 5)}}, Unchanged, nil, ""},
		"a user too long for a key": {nil,
			Change{Facts: []Fact{claim(strings.Repeat("x", 2049), "cus_a", 5)}}, Unchanged, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			table := newFakeTable(plainTable)
			for _, change := range test.before {
				apply(t, table, plainTable, change)
			}
			table.calls = nil
			outcome := apply(t, table, plainTable, test.change)
			if outcome.Effect != test.effect || !slices.Equal(table.calls, test.calls) ||
				outcome.Calls != len(test.calls) {
				t.Errorf("%s in %d calls, %v; want %s in %v", outcome.Effect, outcome.Calls, table.calls,
					test.effect, test.calls)
			}
			if isConflict := outcome.Effect == Conflict; isConflict != (len(outcome.Counting) > 1) {
				t.Errorf("counting = %v", outcome.Counting)
			}
			got, err := (&Store{Client: table, Table: plainTable}).CustomerID(t.Context(), "alice")
			if got != test.want || (err != nil) != (test.want == "") {
				t.Errorf("customer = %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// itemCase is the item of alice before and after a change.
type itemCase struct {
	table  Table
	item   attributes // nil means no item
	change Change
	want   attributes
}

func itemCases() map[string]itemCase {
	number := func(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }
	facts := object(attributes{"cus_a": object(attributes{"metadata": number("5")})})
	nested := Table{Name: "app", Key: "pk", KeyFormat: "USER#{user}", SortKey: "sk", SortValue: "BILLING",
		Attribute: "billing.stripe.customer_id"}
	nestedKey := attributes{"pk": text("USER#alice"), "sk": text("BILLING")}
	with := func(items ...attributes) attributes {
		all := attributes{}
		for _, item := range items {
			for name, value := range item {
				all[name] = value
			}
		}
		return all
	}
	everyType := attributes{
		"s": text("x"), "n": number("1"), "b": &types.AttributeValueMemberB{Value: []byte{1}},
		"bool": &types.AttributeValueMemberBOOL{Value: true},
		"null": &types.AttributeValueMemberNULL{Value: true},
		"l":    &types.AttributeValueMemberL{Value: []types.AttributeValue{text("x")}},
		"m":    object(attributes{"x": text("y")}),
		"ss":   &types.AttributeValueMemberSS{Value: []string{"x"}},
		"ns":   &types.AttributeValueMemberNS{Value: []string{"1"}},
		"bs":   &types.AttributeValueMemberBS{Value: [][]byte{{1}}},
	}
	return map[string]itemCase{
		"that does not exist": {plainTable, nil, Change{Facts: []Fact{claim("alice", "cus_a", 5)}},
			attributes{"user_id": text("alice"), "customer_id": text("cus_a"), "billing_portal": facts}},
		"with attributes of every type": {plainTable, with(everyType, attributes{"user_id": text("alice")}),
			Change{Facts: []Fact{claim("alice", "cus_a", 5)}},
			with(everyType,
				attributes{"user_id": text("alice"), "customer_id": text("cus_a"), "billing_portal": facts})},
		"with facts of a newer version": {plainTable,
			attributes{"user_id": text("alice"), "customer_id": text("cus_a"), "billing_portal": object(attributes{
				"cus_a": object(attributes{"metadata": number("5"), "paused": number("4")}),
				"cus_b": object(attributes{"paused": text("x")})})},
			Change{Facts: []Fact{claim("alice", "cus_a", 6)}},
			attributes{"user_id": text("alice"), "customer_id": text("cus_a"), "billing_portal": object(attributes{
				"cus_a": object(attributes{"metadata": number("6"), "paused": number("4")}),
				"cus_b": object(attributes{"paused": text("x")})})}},
		"whose customer is NULL": {plainTable, attributes{"user_id": text("alice"),
			"customer_id": &types.AttributeValueMemberNULL{Value: true}},
			Change{Facts: []Fact{claim("alice", "cus_a", 5)}},
			attributes{"user_id": text("alice"), "customer_id": text("cus_a"), "billing_portal": facts}},
		"whose customer was put there by hand": {plainTable, attributes{
			"user_id": text("alice"), "customer_id": text("cus_hand"),
		}, Change{Facts: []Fact{reference("alice", "cus_a", 5)}},
			attributes{"user_id": text("alice"), "customer_id": text("cus_hand"), "billing_portal": object(attributes{
				"cus_a":    object(attributes{"reference": number("5")}),
				"cus_hand": object(attributes{"metadata": number("0")})})}},
		"whose customer was taken away by hand": {plainTable, attributes{
			"user_id": text("alice"), "billing_portal": facts,
		}, Change{Facts: []Fact{claim("alice", "cus_a", 5)}},
			attributes{"user_id": text("alice"), "customer_id": text("cus_a"), "billing_portal": facts}},
		"whose customer is released": {plainTable, attributes{"user_id": text("alice"), "customer_id": text("cus_a"),
			"x": text("y")}, Change{Facts: []Fact{release("alice", "cus_a", 5)}},
			attributes{"user_id": text("alice"), "x": text("y"),
				"billing_portal": object(attributes{"cus_a": object(attributes{"metadata": number("0"),
					"released": number("5")})})}},
		"whose customer is deleted": {plainTable, attributes{"user_id": text("alice"), "customer_id": text("cus_a")},
			Change{Facts: []Fact{deletionOf("alice", "cus_a")}, Deleted: "cus_a"},
			attributes{"user_id": text("alice"),
				"billing_portal": object(attributes{"cus_a": object(attributes{"metadata": number("0"),
					"deleted": &types.AttributeValueMemberBOOL{Value: true}})})}},
		"of a single-table design that does not exist": {nested, nil, Change{Facts: []Fact{claim("alice", "cus_a", 5)}},
			with(nestedKey,
				attributes{"billing": object(attributes{"stripe": object(attributes{"customer_id": text("cus_a")})}),
					"billing_portal": facts})},
		"whose outer map is there": {nested, with(nestedKey, attributes{
			"billing": object(attributes{"plan": text("pro")}),
		}), Change{Facts: []Fact{claim("alice", "cus_a", 5)}},
			with(nestedKey, attributes{"billing": object(attributes{"plan": text("pro"),
				"stripe": object(attributes{"customer_id": text("cus_a")})}), "billing_portal": facts})},
		"whose maps are both there": {nested, with(nestedKey,
			attributes{"billing": object(attributes{"stripe": object(attributes{"x": text("y")})})}),
			Change{Facts: []Fact{claim("alice", "cus_a", 5)}},
			with(nestedKey,
				attributes{"billing": object(attributes{"stripe": object(attributes{"x": text("y"),
					"customer_id": text("cus_a")})}), "billing_portal": facts})},
		"whose map is NULL": {nested, with(nestedKey, attributes{
			"billing": &types.AttributeValueMemberNULL{Value: true},
		}), Change{Facts: []Fact{claim("alice", "cus_a", 5)}},
			with(nestedKey,
				attributes{"billing": object(attributes{"stripe": object(attributes{"customer_id": text("cus_a")})}),
					"billing_portal": facts})},
	}
}

func TestItems(t *testing.T) {
	for name, test := range itemCases() {
		t.Run(name, func(t *testing.T) {
			table := newFakeTable(test.table)
			key, _ := test.table.keyOf("alice")
			if test.item != nil {
				table.items[table.id(key)] = test.item
			}
			apply(t, table, test.table, test.change)
			if got := table.items[table.id(key)]; !reflect.DeepEqual(got, test.want) {
				t.Errorf("item = %v\nwant   %v", got, test.want)
			}
		})
	}
}

func TestTheCustomersOwnItem(t *testing.T) {
	single := Table{Name: "app", Key: "pk", KeyFormat: "USER#{user}", SortKey: "sk", SortValue: "{user}#BILLING",
		Attribute: "billing.customer_id"}
	table := newFakeTable(single)
	apply(t, table, single, Change{Facts: []Fact{reference("bob", "cus_a", 5), claim("alice", "cus_a", 5)}})
	key := attributes{"pk": text("USER#cus_a"), "sk": text("cus_a#BILLING")}
	claimed := attributes{"pk": key["pk"], "sk": key["sk"],
		"billing_portal_users": &types.AttributeValueMemberSS{Value: []string{"alice", "bob"}}}
	if got := table.items[table.id(key)]; !reflect.DeepEqual(got, claimed) {
		t.Errorf("item = %v\nwant   %v", got, claimed)
	}
	// After a deletion the item has no users, and a later claim adds none.
	apply(t, table, single, Change{Deleted: "cus_a"})
	apply(t, table, single, Change{Facts: []Fact{claim("carol", "cus_a", 5)}})
	deleted := attributes{"pk": key["pk"], "sk": key["sk"],
		"billing_portal_deleted": &types.AttributeValueMemberBOOL{Value: true}}
	if got := table.items[table.id(key)]; !reflect.DeepEqual(got, deleted) {
		t.Errorf("item = %v\nwant   %v", got, deleted)
	}
}

// The item of such a user would be the customer's own item.
func TestNoEventNamesAUserWithACustomerID(t *testing.T) {
	table := newFakeTable(plainTable)
	for _, user := range []string{"cus_a", "cus_" + strings.Repeat("x", 251), strings.Repeat("x", 256),
		"a\x00b", "a\xffb", ""} {
		outcome := apply(t, table, plainTable, Change{Facts: []Fact{reference(user, "cus_b", 5)}})
		if IsUser(user) || outcome.Effect != Unchanged || len(table.items) > 0 {
			t.Errorf("%q: %s, %v", user, outcome.Effect, table.items)
		}
	}
	for _, user := range []string{"cus_", "cus-a", "CUS_a", "cus_a b", "a",
		"cus_" + strings.Repeat("ü", 251), "cus_a|1"} {
		apply(t, table, plainTable, Change{Facts: []Fact{reference(user, "cus_b", 5)}})
		if got, err := (&Store{Client: table, Table: plainTable}).CustomerID(t.Context(), user); !IsUser(user) ||
			got != "cus_b" {
			t.Errorf("%q: %q, %v", user, got, err)
		}
	}
}

// Data of others is left unchanged: CUSTOMERS_ATTRIBUTE may name the wrong attribute.
func TestOtherDataIsNeverOverwritten(t *testing.T) {
	for name, test := range map[string]struct {
		item attributes
		want error
	}{
		"text that is not a customer ID": {attributes{"customer_id": text("Jane Doe")}, ErrMalformed},
		"a customer that is a number": {attributes{"customer_id": &types.AttributeValueMemberN{Value: "1"}},
			ErrMalformed},
		"a customer that is a map": {attributes{"customer_id": object(attributes{})}, ErrMalformed},
		"facts that are text":      {attributes{"billing_portal": text("x")}, ErrMalformedFacts},
		"facts about something else than a customer": {
			attributes{"billing_portal": object(attributes{"x": object(attributes{})})},
			ErrMalformedFacts},
		"facts that are not a map": {attributes{"billing_portal": object(attributes{"cus_a": text("x")})},
			ErrMalformedFacts},
		"a time that is text": {
			attributes{"billing_portal": object(attributes{"cus_a": object(attributes{"metadata": text("5")})})},
			ErrMalformedFacts},
		"a time with a fraction": {attributes{"billing_portal": object(
			attributes{"cus_a": object(attributes{"metadata": &types.AttributeValueMemberN{Value: "5.5"}})})},
			ErrMalformedFacts},
		"a deletion that is a number": {attributes{"billing_portal": object(
			attributes{"cus_a": object(attributes{"deleted": &types.AttributeValueMemberN{Value: "1"}})})},
			ErrMalformedFacts},
	} {
		t.Run(name, func(t *testing.T) {
			table := newFakeTable(plainTable)
			test.item["user_id"] = text("alice")
			table.items["alice"] = test.item
			_, err := (&Writer{Client: table, Table: plainTable}).Apply(t.Context(),
				Change{Facts: []Fact{claim("alice", "cus_a", 5)}})
			if !errors.Is(err, test.want) || !slices.Equal(table.calls, []string{"GetItem"}) {
				t.Errorf("%v after %v", err, table.calls)
			}
		})
	}
}

// A malformed item must not delay other items. The event is still sent again until the item is
// right.
func TestMalformedItemStopsOnlyItsOwnChange(t *testing.T) {
	table := newFakeTable(plainTable)
	table.items["bob"] = attributes{"user_id": text("bob"), "customer_id": text("Jane Doe")}
	writer := &Writer{Client: table, Table: plainTable}
	move := Change{Facts: []Fact{release("bob", "cus_a", 6), claim("alice", "cus_a", 6)}}
	if _, err := writer.Apply(t.Context(), move); !errors.Is(err, ErrMalformed) {
		t.Errorf("error = %v", err)
	}
	if got, err := (&Store{Client: table, Table: plainTable}).CustomerID(t.Context(), "alice"); got != "cus_a" {
		t.Errorf("alice's customer is %q, %v", got, err)
	}
}

// A racingTable changes an item between each read and write, like another writer.
type racingTable struct {
	*fakeTable
	races int
	with  State // written each time; nil means a different one each time
}

func (r *racingTable) UpdateItem(ctx context.Context, input *dynamodb.UpdateItemInput,
	options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	if r.races > 0 && r.id(input.Key) == "alice" {
		r.races--
		item := r.items["alice"]
		if item == nil {
			item = attributes{"user_id": text("alice")}
			r.items["alice"] = item
		}
		state := r.with
		if state == nil {
			state = State{"cus_x": {Metadata: At(int64(r.races))}}
		}
		delete(item, "customer_id")
		maps.Copy(item, plainTable.NewItem("alice", state))
	}
	return r.fakeTable.UpdateItem(ctx, input, options...)
}

func TestLostRaceIsRetried(t *testing.T) {
	for name, test := range map[string]struct {
		races, pauses int
		want          error
	}{
		"no race lost":  {0, 0, nil},
		"one":           {1, 1, nil},
		"ninety-nine":   {99, 99, nil},
		"a hundred":     {100, 99, ErrRace},
		"time runs out": {50, 10, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			table := &racingTable{fakeTable: newFakeTable(plainTable), races: test.races}
			pauses := 0
			writer := &Writer{Client: table, Table: plainTable, Pause: func(_ context.Context, d time.Duration) error {
				if d < 0 || d >= longestPause {
					t.Errorf("a pause of %v", d)
				}
				if pauses++; errors.Is(test.want, context.DeadlineExceeded) && pauses == test.pauses {
					return context.DeadlineExceeded
				}
				return nil
			}}
			outcome, err := writer.Apply(t.Context(), Change{Facts: []Fact{claim("alice", "cus_a", 500)}})
			if !errors.Is(err, test.want) || pauses != test.pauses {
				t.Fatalf("%v after %d pauses", err, pauses)
			}
			if err == nil && test.races > 0 && outcome.Effect != Conflict {
				t.Errorf("effect = %s", outcome.Effect)
			}
		})
	}
}
