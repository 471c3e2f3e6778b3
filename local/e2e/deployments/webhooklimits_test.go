package deployments

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/local/internal/devserver/devservertest"
)

// testManyCustomers tests a user with the maximum number of customers in an item. All but the first
// are deleted.
func testManyCustomers(t *testing.T, endpoint string) {
	var created, deleted [][]byte
	deletions := [2]string{"customer.deleted", "customer.deleted-without-user"}
	for i := range 100 {
		customer := fmt.Sprintf("cus_Many%03d", i)
		created = append(created, devservertest.StripeEvent(t, "customer.created", devservertest.EventCustomer,
			customer, "1717430400", fmt.Sprint(1717430400+i)))
		if i > 0 {
			deleted = append(deleted,
				devservertest.StripeEvent(t, deletions[i%2], devservertest.EventCustomer, customer))
		}
	}
	forwards := slices.Concat(created, deleted)
	backwards := slices.Clone(forwards)
	slices.Reverse(backwards)
	for name, events := range map[string][][]byte{"forwards": forwards, "backwards": backwards} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTable(t, endpoint, "table-many-customers-"+name, layouts["a single-table design"])
			// the last events are sent again
			for _, event := range append(slices.Clone(events), created...) {
				if err := w.deliver(t.Context(), event); err != nil {
					t.Fatal(err)
				}
			}
			if got := w.customer(w.get(t, "alice")); got != "cus_Many000" {
				t.Errorf("the customer of alice is %q", got)
			}
		})
	}
}

// testManyUsers tests customers with more users than an item holds. One gets new users. The other
// has users from an older version, which stored as many as DynamoDB accepted.
func testManyUsers(t *testing.T, endpoint string) {
	w := newTable(t, endpoint, "table-many-users", layouts["a plain table"])
	checkout := func(customer, user string) {
		if err := w.deliver(t.Context(), devservertest.StripeEvent(t, "checkout.session.completed", `"alice"`,
			`"`+user+`"`, devservertest.EventCustomer, customer)); err != nil {
			t.Error(err)
		}
	}
	usersOf := func(customer string) []string {
		set, _ := w.get(t, customer)["billing_portal_users"].(*types.AttributeValueMemberSS)
		if set == nil {
			return nil
		}
		return set.Value
	}
	for i := range 120 {
		checkout("cus_Crowd", fmt.Sprint("user-", i))
	}
	if got := usersOf("cus_Crowd"); len(got) != 100 || !slices.Contains(got, "user-99") {
		t.Errorf("the customer has %d users, want the first 100: %v", len(got), got)
	}

	var all []string
	for i := range 409 { // of 1,000 bytes each
		all = append(all, fmt.Sprintf("%04d", i)+strings.Repeat("\U0001f600", 249))
	}
	full := w.layout.key("cus_Full")
	full["billing_portal_users"] = &types.AttributeValueMemberSS{Value: append(slices.Clone(all),
		strings.Repeat("x", 400<<10-409_000-len("user_idcus_Fullbilling_portal_users")))}
	w.put(t, full)
	for _, user := range []string{all[0], "one-more"} {
		checkout("cus_Full", user)
		if got := w.customer(w.get(t, user)); got != "cus_Full" || len(usersOf("cus_Full")) != len(all)+1 {
			t.Errorf("%.20s has the customer %q, which has %d users", user, got, len(usersOf("cus_Full")))
		}
	}
	for _, customer := range []string{"cus_Crowd", "cus_Full"} {
		event := devservertest.StripeEvent(t, "customer.deleted-without-user", devservertest.EventCustomer, customer)
		for delivery := 1; ; delivery++ { // on a slow machine one delivery may time out
			err := w.deliver(t.Context(), event)
			if err == nil {
				break
			}
			if delivery == 10 || !strings.Contains(err.Error(), "customer-store-unavailable") {
				t.Fatal(err)
			}
		}
		if got := w.get(t, customer); len(usersOf(customer)) > 0 || asText(got["billing_portal_deleted"]) != "true" {
			t.Errorf("%s has %d users after its deletion, billing_portal_deleted is %v", customer,
				len(usersOf(customer)), got["billing_portal_deleted"])
		}
	}
	for _, user := range append(all[:5:5], "user-0", "user-99") {
		if got := w.customer(w.get(t, user)); got != "" {
			t.Errorf("%.20s still has the customer %q", user, got)
		}
	}
}

// testUsersLikeCustomers tests users whose IDs look like customer IDs, so that their items would be
// those of customers.
func testUsersLikeCustomers(t *testing.T, endpoint string) {
	w := newTable(t, endpoint, "table-users-like-customers", layouts["a plain table"])
	for _, event := range []string{"customer.created", "customer.updated-moved", "checkout.session.completed",
		"checkout.session.completed-metadata", "customer.deleted"} {
		if err := w.deliver(t.Context(),
			devservertest.StripeEvent(t, event, `"alice"`, `"cus_Alice"`, `"bob"`, `"cus_Bob"`)); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"cus_Alice", "cus_Bob"} {
		if got := w.get(t, id); got != nil {
			t.Errorf("the webhook wrote an item for %s: %v", id, got)
		}
	}
}
