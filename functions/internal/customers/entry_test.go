package customers_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/internal/customers"
)

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func TestAnItemWithoutFactsIsItsKey(t *testing.T) {
	plain := customers.Table{Key: "user_id", Attribute: "customer_id"}
	if got := plain.NewItem("alice", customers.State{}); len(got) != 1 || got["user_id"] == nil {
		t.Errorf("item = %v", got)
	}
}

func TestEntriesOfItems(t *testing.T) {
	plain := customers.Table{Key: "user_id", Attribute: "customer_id"}
	single := customers.Table{Key: "pk", KeyFormat: "USER#{user}", SortKey: "sk", SortValue: "BILLING",
		Attribute: "customer_id"}
	sorted := customers.Table{Key: "pk", KeyFormat: "BILLING", SortKey: "sk", SortValue: "U-{user}-X",
		Attribute: "billing.customer_id"}
	type item = map[string]types.AttributeValue
	for name, test := range map[string]struct {
		table customers.Table
		item  item
		want  customers.Entry
		err   error
	}{
		"a plain table": {plain, item{"user_id": text("u"), "customer_id": text("cus_1")},
			customers.Entry{User: "u", Customer: "cus_1"}, nil},
		"without a customer": {plain, item{"user_id": text("u")}, customers.Entry{User: "u"}, nil},
		"a customer's own item": {plain, item{"user_id": text("cus_1"),
			"billing_portal_deleted": &types.AttributeValueMemberBOOL{Value: true}},
			customers.Entry{User: "cus_1", IsCustomers: true}, nil},
		"something else": {plain, item{"user_id": text("u"), "customer_id": text("u@example.com")},
			customers.Entry{User: "u"}, customers.ErrMalformed},
		"single-table design": {single, item{"pk": text("USER#u"), "sk": text("BILLING"),
			"customer_id": text("cus_1")}, customers.Entry{User: "u", Customer: "cus_1"}, nil},
		"another kind of item": {single, item{"pk": text("ORDER#u"), "sk": text("BILLING")}, customers.Entry{}, nil},
		"another sort key":     {single, item{"pk": text("USER#u"), "sk": text("PROFILE")}, customers.Entry{}, nil},
		"the user in the sort key": {sorted, item{"pk": text("BILLING"), "sk": text("U-u-X"),
			"billing": &types.AttributeValueMemberM{Value: item{"customer_id": text("cus_1")}}},
			customers.Entry{User: "u", Customer: "cus_1"}, nil},
		"no user in the sort key": {sorted, item{"pk": text("BILLING"), "sk": text("U--X")}, customers.Entry{}, nil},
	} {
		got, err := test.table.EntryOf(test.item)
		if !errors.Is(err, test.err) || got.User != test.want.User || got.Customer != test.want.Customer ||
			got.IsCustomers != test.want.IsCustomers {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
