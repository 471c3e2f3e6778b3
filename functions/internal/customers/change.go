package customers

import "slices"

// Change has the facts of one event, or of one reading of Stripe's data.
type Change struct {
	// Facts are about pairs of a user and a customer.
	Facts []Fact
	// Deleted is the customer that was deleted; "" for any other change. The deletion reaches every
	// user who is known to claim the customer, and the users of Facts.
	Deleted string
}

// Fact has facts about one user and one customer.
type Fact struct {
	User, Customer string
	Facts
	// Seen is for readers of Stripe's data, such as an import: the time at which the customer's
	// metadata was read and still named the user. Metadata is the customer's created then, as in a
	// customer.created event.
	//
	// If the table knows a release of the pair and no later claim, an event was missed, or was too
	// close to the release to count. The claim is then made at Seen. Otherwise Seen has no effect,
	// so that reading the same customer again changes nothing. The item's own facts decide, in the
	// same conditional write that joins the claim.
	Seen Time
}

// Effect is what a change did.
type Effect string

// The effects, of which the first that fits is said.
const (
	Conflict  Effect = "conflict"  // a user of its claims has several customers that count, whatever it changed
	Deleted   Effect = "deleted"   // a customer was deleted
	Claimed   Effect = "claimed"   // a claim is new, or newer
	Released  Effect = "released"  // a release is new, and no claim came with it
	Unchanged Effect = "unchanged" // everything was known
)

// Outcome tells what a change did.
type Outcome struct {
	Effect Effect
	// Counting are the customers of a conflict.
	Counting []string
	// IsDeleted says that the customer of a claim is deleted, so that it counts for nothing.
	IsDeleted bool
	// IsIdle says that a claim counts for nothing although its customer is not deleted: a release
	// is as late, or later.
	IsIdle bool
	// Calls is the number of calls of DynamoDB.
	Calls int
}

// byUser returns the facts of each user, and the users in the order in which the change names them.
func (c Change) byUser() (users []string, facts map[string][]Fact) {
	facts = map[string][]Fact{}
	for _, fact := range c.Facts {
		if facts[fact.User] == nil {
			users = append(users, fact.User)
		}
		facts[fact.User] = append(facts[fact.User], fact)
	}
	return users, facts
}

// note records which claims of a user count for nothing in the state that is known then, and a
// conflict.
func (o *Outcome) note(facts []Fact, known State) {
	claims := slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return !f.isClaim() })
	for _, claim := range claims {
		pair := known[claim.Customer]
		o.IsDeleted = o.IsDeleted || pair.Deleted
		o.IsIdle = o.IsIdle || !pair.Deleted && !pair.counts()
	}
	if counting := known.Counting(); len(claims) > 0 && len(counting) > 1 {
		o.Effect, o.Counting = Conflict, counting
	}
}

// claims reports whether the change has a claim.
func (c Change) claims() bool { return slices.ContainsFunc(c.Facts, Fact.isClaim) }
