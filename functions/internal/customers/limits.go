package customers

import (
	"cmp"
	"maps"
	"slices"
)

// Limits keep what this package adds to an item below 64 KB, so that no item becomes slow,
// expensive or full. DynamoDB's own limit is 400 KB.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
const (
	// maxCustomers is the number of customers in a user's item.
	maxCustomers = 100
	// maxUsers is the number of users in a customer's own item. Users whose ID has more than
	// longUser bytes, which 255 characters of two bytes do not have, are added only while there are
	// fewer than maxUsersOfLong users: a condition can count the elements of a set, but not their
	// bytes.
	maxUsers, maxUsersOfLong = 100, 20
	longUser                 = 510
)

// roomFor is the number of users below which a customer's own item has room for this one.
func roomFor(user string) int {
	if len(user) > longUser {
		return maxUsersOfLong
	}
	return maxUsers
}

// firstUsers are the users who fit into a customer's own item, if they come in this order.
func firstUsers(users []string) []string {
	var kept []string
	for _, user := range users {
		if len(kept) < roomFor(user) {
			kept = append(kept, user)
		}
	}
	return kept
}

// The order in which customers leave a state that has too many. Deleted ones go first because their
// own items remember them.
const (
	leavesAsDeleted = iota
	leavesAsReleased
	leavesAsReference // the latest first
	leavesAsMetadata  // the earliest first
	stays
)

// LacksClaims reports whether claims were left out, and there is room for one by metadata now: more
// than the item holds have come, and not all that it holds count.
func (s State) LacksClaims() bool {
	counting := 0
	for _, facts := range s {
		if facts.countsByMetadata() {
			counting++
		}
	}
	return len(s) >= maxCustomers && counting < maxCustomers
}

// trimmed returns the state with at most maxCustomers. The user's customer stays.
func (s State) trimmed() State {
	if len(s) <= maxCustomers {
		return s
	}
	current := s.Customer()
	leaves := func(customer string) int {
		switch facts := s[customer]; {
		case customer == current:
			return stays
		case facts.Deleted:
			return leavesAsDeleted
		case !facts.counts():
			return leavesAsReleased
		case !facts.countsByMetadata():
			return leavesAsReference
		}
		return leavesAsMetadata
	}
	order := slices.SortedFunc(maps.Keys(s), func(a, b string) int {
		which := leaves(a)
		switch {
		case which != leaves(b):
			return cmp.Compare(which, leaves(b))
		case which == leavesAsReference:
			return cmp.Or(s[b].Reference.compare(s[a].Reference), cmp.Compare(b, a))
		}
		return cmp.Or(s[a].Metadata.compare(s[b].Metadata), cmp.Compare(a, b))
	})
	kept := State{}
	for _, customer := range order[len(order)-maxCustomers:] {
		kept[customer] = s[customer]
	}
	return kept
}
