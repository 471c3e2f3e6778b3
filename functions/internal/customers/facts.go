package customers

import (
	"cmp"
	"maps"
	"slices"
)

// Time is a time in whole seconds since 1970, as in Stripe's objects. Its zero value means never.
type Time struct {
	seconds int64
	known   bool
}

// At returns the time at this number of seconds.
func At(seconds int64) Time { return Time{seconds, true} }

// isAfter reports whether t is later than u. Any time is later than never, and never is not later
// than any time.
func (t Time) isAfter(u Time) bool { return t.known && (!u.known || t.seconds > u.seconds) }

// compare orders times. Never comes first.
func (t Time) compare(u Time) int {
	switch {
	case u.isAfter(t):
		return -1
	case t.isAfter(u):
		return 1
	}
	return 0
}

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

// Facts are the known facts about one user and one customer. Each of them only grows, except
// Reference, which only shrinks. So they may arrive in any order, late and repeatedly, and the
// result is the same.
type Facts struct {
	// Metadata is the latest claim by the metadata of a customer or of a Checkout Session. Metadata
	// is written with the secret key.
	Metadata Time
	// Reference is the earliest claim by the client_reference_id of a Checkout Session.
	Reference Time
	// Released is the latest time at which a customer's metadata stopped naming the user.
	Released Time
	// Deleted is permanent: Stripe never reuses a customer's ID.
	Deleted bool
}

// Join returns the combined meaning of two sets of facts. It is associative, commutative and
// idempotent.
func (f Facts) Join(g Facts) Facts {
	return Facts{
		Metadata:  latest(f.Metadata, g.Metadata),
		Reference: earliest(f.Reference, g.Reference),
		Released:  latest(f.Released, g.Released),
		Deleted:   f.Deleted || g.Deleted,
	}
}

// A claim counts if it is later than the release and the customer is not deleted.
func (f Facts) counts() bool            { return f.countsByMetadata() || f.countsByReference() }
func (f Facts) countsByMetadata() bool  { return !f.Deleted && f.Metadata.isAfter(f.Released) }
func (f Facts) countsByReference() bool { return !f.Deleted && f.Reference.isAfter(f.Released) }

// isClaim reports whether the facts include a claim.
func (f Facts) isClaim() bool { return f.Metadata.known || f.Reference.known }

// hasClaimsOf reports whether both sets of facts have the same claims.
func (f Facts) hasClaimsOf(g Facts) bool {
	return f.Metadata == g.Metadata && f.Reference == g.Reference
}

// State is everything known about one user: facts by customer ID.
type State map[string]Facts

// Join returns the combined meaning of two states.
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

// Customer returns the customer who pays for the user: the customer with the latest claim by
// metadata (equal times: the greater ID). Without such a claim, it is the customer with the
// earliest claim by reference (equal times: the smaller ID), so that a later purchase never takes
// over a user. "" means that the user has none.
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

// Counting returns the customers with a claim that counts, in order. More than one is a conflict:
// the table is correct, but the user may pay twice.
func (s State) Counting() []string {
	var counting []string
	for customer, facts := range s {
		if facts.counts() {
			counting = append(counting, customer)
		}
	}
	slices.Sort(counting)
	return counting
}

// with returns the state after facts about its user. It does more than join them: see [Fact.Seen].
func (s State) with(facts []Fact) State {
	known := s.Join(nil)
	for _, fact := range facts {
		pair := known[fact.Customer].Join(fact.Facts)
		if pair.Released.known && !pair.Metadata.isAfter(pair.Released) {
			pair.Metadata = latest(pair.Metadata, fact.Seen)
		}
		known[fact.Customer] = pair
	}
	return known
}

// newClaims returns the customers, in order, that have a claim that stored does not have. It leaves
// out deleted customers.
func (s State) newClaims(stored State) []string {
	var customers []string
	for customer, facts := range s {
		if !facts.Deleted && !facts.hasClaimsOf(stored[customer]) {
			customers = append(customers, customer)
		}
	}
	slices.Sort(customers)
	return customers
}
