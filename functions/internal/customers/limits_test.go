package customers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// In this list, each customer is removed before the ones after it.
func TestOrderInWhichCustomersAreRemoved(t *testing.T) {
	leaving := []struct {
		id string
		Facts
	}{
		{"cus_deleted_1", Facts{Metadata: At(900), Deleted: true}},
		{"cus_deleted_2", Facts{Metadata: At(901), Released: At(5), Deleted: true}},
		{"cus_released_1", Facts{Released: At(700)}},
		{"cus_released_2", Facts{Metadata: At(800), Released: At(801)}},
		{"cus_released_3", Facts{Metadata: At(801), Reference: At(2), Released: At(801)}},
		{"cus_reference_4", Facts{Reference: At(600)}},
		{"cus_reference_3", Facts{Reference: At(600)}},
		// the metadata does not count
		{"cus_reference_2", Facts{Metadata: At(400), Released: At(500), Reference: At(550)}},
		{"cus_reference_1", Facts{Reference: At(1)}},
		{"cus_metadata_1", Facts{Metadata: At(0)}},
		{"cus_metadata_2", Facts{Metadata: At(10), Reference: At(1)}},
		{"cus_metadata_3", Facts{Metadata: At(10), Released: At(9)}},
	}
	for gone := range len(leaving) + 1 {
		state := State{}
		for _, one := range leaving {
			state[one.id] = one.Facts
		}
		for i := range maxCustomers - len(leaving) + gone {
			state[fmt.Sprintf("cus_stays_%03d", i)] = Facts{Metadata: At(int64(1000 + i))}
		}
		trimmed := state.trimmed()
		if len(trimmed) != maxCustomers || trimmed.Customer() != state.Customer() {
			t.Errorf("%d customers are left, and %q", len(trimmed), trimmed.Customer())
		}
		for i, one := range leaving {
			if _, isThere := trimmed[one.id]; isThere == (i < gone) {
				t.Errorf("with %d too many, %s is there: %v", gone, one.id, isThere)
			}
		}
		if !maps.Equal(trimmed.trimmed(), trimmed) {
			t.Error("a state within the limit changed")
		}
	}
}

func TestTheUsersCustomerIsNeverRemoved(t *testing.T) {
	others := func(i int) Facts { return Facts{Reference: At(int64(1000 - i))} }
	for name, test := range map[string]struct {
		of     func(i int) Facts
		id     string
		facts  Facts
		remain bool
	}{
		"the earliest of many purchases":       {others, "cus_a", Facts{Reference: At(1)}, true},
		"a purchase later than many":           {others, "cus_a", Facts{Reference: At(5000)}, false},
		"metadata earlier than many purchases": {others, "cus_a", Facts{Metadata: At(0)}, true},
		"the only one that is not deleted": {func(i int) Facts {
			return Facts{Metadata: At(int64(1000 + i)), Deleted: true}
		}, "cus_a", Facts{Reference: At(5000)}, true},
		"the only one that is not released": {func(i int) Facts {
			return Facts{Metadata: At(1), Released: At(int64(1000 + i))}
		}, "cus_a", Facts{Metadata: At(0)}, true},
		"a deleted one of many": {others, "cus_a", Facts{Metadata: At(5000), Deleted: true}, false},
		"a released one of many": {others, "cus_a",
			Facts{Metadata: At(5000), Released: At(5000)}, false},
		"metadata earlier than that of many": {func(i int) Facts { return Facts{Metadata: At(int64(1000 + i))} },
			"cus_a", Facts{Metadata: At(5)}, false},
		"equal metadata: the greatest ID stays": {func(int) Facts { return Facts{Metadata: At(5)} }, "cus_z",
			Facts{Metadata: At(5)}, true},
		"equal metadata: the smallest ID is removed": {func(int) Facts { return Facts{Metadata: At(5)} }, "cus_a",
			Facts{Metadata: At(5)}, false},
		"equal purchases: the smallest ID stays": {func(int) Facts { return Facts{Reference: At(5)} }, "cus_a",
			Facts{Reference: At(5)}, true},
		"equal purchases: the greatest ID is removed": {func(int) Facts { return Facts{Reference: At(5)} }, "cus_z",
			Facts{Reference: At(5)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			state := State{test.id: test.facts}
			for i := range maxCustomers {
				state[fmt.Sprintf("cus_n%03d", i)] = test.of(i)
			}
			trimmed := state.trimmed()
			if _, remains := trimmed[test.id]; len(trimmed) != maxCustomers || remains != test.remain ||
				trimmed.Customer() != state.Customer() {
				t.Errorf("remains: %v; %d are left, customer %q, was %q", remains, len(trimmed),
					trimmed.Customer(), state.Customer())
			}
		})
	}
}

// maxSize is the limit for an item whose parts all have their greatest length.
const maxSize = 64 << 10

func TestTheLargestItems(t *testing.T) {
	widest := func(size int) Table { // with the largest key
		return Table{Name: "t", Key: strings.Repeat("k", 255),
			KeyFormat: strings.Repeat("p", maxKeySize-size) + "{user}",
			SortKey:   strings.Repeat("s", 255), SortValue: strings.Repeat("p", maxSortKeySize-size) + "{user}",
			Attribute: strings.Repeat("a", 255)}
	}
	t.Run("of a user", func(t *testing.T) {
		state := State{}
		for i := range 3 * maxCustomers {
			state[fmt.Sprintf("cus_%0251d", i)] = Facts{Metadata: At(-1 << 63), Reference: At(-1 << 63),
				Released: At(-1 << 63), Deleted: i > 0}
		}
		user := strings.Repeat("\U0001f600", 255)
		if got := size(widest(len(user)).NewItem(user, state)); got > maxSize {
			t.Errorf("%d bytes", got)
		}
	})
	t.Run("of a customer", func(t *testing.T) {
		var users []string
		for i := range maxUsers { // four bytes for a character, then two
			users = append(users, strings.Repeat("\U0001f600", 254)+string(rune(0x1f600+i)))
		}
		for i := range maxUsers {
			users = append(users, strings.Repeat("ü", 254)+string(rune(0x100+i)))
		}
		for _, user := range users {
			if !IsUser(user) {
				t.Fatalf("%q is no user", user)
			}
		}
		customer := "cus_" + strings.Repeat("x", 251)
		item := widest(len(customer)).NewCustomersItem(customer, users)
		if got := len(usersOf(item)); got != maxUsers {
			t.Errorf("%d users", got)
		}
		if got := size(item) + len(deletedAttribute) + 1; got > maxSize {
			t.Errorf("%d bytes", got)
		}
		slices.Reverse(users)
		if got := usersOf(widest(len(customer)).NewCustomersItem(customer, users)); len(got) != maxUsers ||
			len(got[0]) != longUser {
			t.Errorf("%d users, the first of %d bytes", len(got), len(got[0]))
		}
	})
}

func TestAStateLacksClaimsOnlyWithRoomForThem(t *testing.T) {
	full := State{}
	for i := range maxCustomers {
		full[fmt.Sprint("cus_", i)] = Facts{Metadata: At(int64(i))}
	}
	for name, test := range map[string]struct {
		change func(s State)
		want   bool
	}{
		"all count":                 {func(State) {}, false},
		"one is deleted":            {func(s State) { s["cus_7"] = Facts{Metadata: At(7), Deleted: true} }, true},
		"one is released":           {func(s State) { s["cus_7"] = Facts{Metadata: At(7), Released: At(7)} }, true},
		"one counts by a reference": {func(s State) { s["cus_7"] = Facts{Reference: At(7)} }, true},
		"there always was room": {func(s State) {
			delete(s, "cus_8")
			s["cus_7"] = Facts{Metadata: At(7), Deleted: true}
		}, false},
	} {
		state := full.Join(nil)
		test.change(state)
		if got := state.LacksClaims(); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
