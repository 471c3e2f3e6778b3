package customers

import (
	"cmp"
	"maps"
	"slices"
)

// Time is a time in whole seconds since 1970, as Stripe counts them. Its zero value is never.
type Time struct {
	seconds int64
	known   bool
}

// At is a time.
func At(seconds int64) Time { return Time{seconds, true} }

// isAfter reports whether t is later than u. Any time is later than never, and never is later than none.
func (t Time) isAfter(u Time) bool { return t.known && (!u.known || t.seconds > u.seconds) }

func latest(t, u Time) Time {
	if u.isAfter(t) {
		return u
	}
	return t
}

func earliest(t, u Time) Time {
	if !t.known || u.known && t.isAfter(u) {
		return u
	}
	return t
}

// Facts are what is known of one user and one customer. Each of them only grows, or for Reference only shrinks, so that they
// may come in any order, late and repeatedly, and mean the same in the end.
type Facts struct {
	// Metadata is the latest claim by the metadata of a customer or of a Checkout Session, which is written with the secret key.
	Metadata Time
	// Reference is the earliest claim by the client_reference_id of a Checkout Session.
	Reference Time
	// Released is the latest time at which a customer's metadata ceased to name the user.
	Released Time
	// Deleted is for good: Stripe never gives a customer's ID again.
	Deleted bool
}

// Join returns what two sets of facts are together. It is associative, commutative and idempotent.
func (f Facts) Join(g Facts) Facts {
	return Facts{
		Metadata:  latest(f.Metadata, g.Metadata),
		Reference: earliest(f.Reference, g.Reference),
		Released:  latest(f.Released, g.Released),
		Deleted:   f.Deleted || g.Deleted,
	}
}

// A claim counts where it is later than the release and the customer is not deleted.
func (f Facts) countsByMetadata() bool  { return !f.Deleted && f.Metadata.isAfter(f.Released) }
func (f Facts) countsByReference() bool { return !f.Deleted && f.Reference.isAfter(f.Released) }

// age orders facts by the last time of which they know something.
func (f Facts) age() Time { return latest(latest(f.Metadata, f.Reference), f.Released) }

// State is all that is known of one user: facts by the customer's ID.
type State map[string]Facts

// Join returns what two states are together.
func (s State) Join(t State) State {
	joined := maps.Clone(s)
	if joined == nil {
		joined = State{}
	}
	for customer, facts := range t {
		joined[customer] = joined[customer].Join(facts)
	}
	return joined
}

// Customer is who pays for the user: the customer with the latest claim by metadata, of equal ones the greater ID; without
// one, the one with the earliest claim by reference, of equal ones the smaller ID, so that nobody's purchase takes a user over;
// "" without any.
func (s State) Customer() string {
	var byMetadata, byReference string
	for _, customer := range slices.Sorted(maps.Keys(s)) {
		facts := s[customer]
		if facts.countsByMetadata() && (byMetadata == "" || !s[byMetadata].Metadata.isAfter(facts.Metadata)) {
			byMetadata = customer
		}
		if facts.countsByReference() && (byReference == "" || s[byReference].Reference.isAfter(facts.Reference)) {
			byReference = customer
		}
	}
	return cmp.Or(byMetadata, byReference)
}

// Counting are the customers with a claim that counts, in order. More than one is a conflict: the customer is certain all the
// same, but somebody pays twice.
func (s State) Counting() []string {
	var counting []string
	for customer, facts := range s {
		if facts.countsByMetadata() || facts.countsByReference() {
			counting = append(counting, customer)
		}
	}
	slices.Sort(counting)
	return counting
}

// maxCustomers bounds what is kept of one user. An item has room for more, but nobody has honestly had as many.
const maxCustomers = 20

// trimmed returns the state with at most maxCustomers: the oldest deleted ones go first, then the oldest; the user's customer
// stays.
func (s State) trimmed() State {
	if len(s) <= maxCustomers {
		return s
	}
	current := s.Customer()
	rank := func(customer string) int { // of those to go, in order
		switch {
		case customer == current:
			return 2
		case s[customer].Deleted:
			return 0
		}
		return 1
	}
	order := slices.SortedFunc(maps.Keys(s), func(a, b string) int {
		ageA, ageB := s[a].age(), s[b].age()
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(ageA.orBefore(), ageB.orBefore()),
			cmp.Compare(a, b))
	})
	kept := State{}
	for _, customer := range order[len(order)-maxCustomers:] {
		kept[customer] = s[customer]
	}
	return kept
}

// orBefore is the time in seconds, with never before all others.
func (t Time) orBefore() int64 {
	if !t.known {
		return -1
	}
	return t.seconds
}
