package customers

import (
	"cmp"
	"maps"
	"slices"
)

// The limits keep this package's part of an item below 64 KB, so that no item becomes slow,
// expensive or full. DynamoDB's own limit is 400 KB.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
const (
	// maxCustomers limits the customers in a user's item.
	maxCustomers = 100
	// maxUsers limits the users in a customer's own item. A user whose ID has more than longUser
	// bytes is added only while the item has fewer than maxUsersOfLong users, because a condition
	// can count the elements of a set but not their bytes. IDs of 255 characters with two bytes
	// each are within longUser.
	maxUsers, maxUsersOfLong = 100, 20
	longUser                 = 510
)

// roomFor returns the limit for adding this user: a customer's own item has room while it has fewer
// users than that.
func roomFor(user string) int {
	if len(user) > longUser {
		return maxUsersOfLong
	}
	return maxUsers
}

// firstUsers returns the users who fit into a customer's own item if they are added in this order.
func firstUsers(users []string) []string {
	var kept []string
	for _, user := range users {
		if len(kept) < roomFor(user) {
			kept = append(kept, user)
		}
	}
	return kept
}

// The order in which customers are removed from a state that has too many. Deleted ones are removed
// first, because their own items remember the deletion.
const (
	leavesAsDeleted = iota
	leavesAsReleased
	leavesAsReference // the latest first
	leavesAsMetadata  // the earliest first
	stays
)

// LacksClaims reports whether claims may be missing although there is room for one by metadata: the
// state has as many customers as an item may have, but some of them do not count by metadata.
func (s State) LacksClaims() bool {
	counting := 0
	for _, facts := range s {
		if facts.countsByMetadata() {
			counting++
		}
	}
	return len(s) >= maxCustomers && counting < maxCustomers
}

// trimmed returns the state with at most maxCustomers customers. The user's customer is never
// removed.
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
