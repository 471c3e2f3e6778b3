package customers

import "slices"

// Change holds the facts of one event, or of one read from Stripe.
type Change struct {
	// Facts are about pairs of a user and a customer.
	Facts []Fact
	// Deleted is the customer that was deleted; "" for any other change. The deletion reaches the
	// users of Facts and every user who is known to claim the customer.
	Deleted string
}

// Fact holds facts about one user and one customer.
type Fact struct {
	User, Customer string
	Facts
	// Seen is for code that reads from Stripe, such as an import: the time at which the customer's
	// metadata was read and still named the user. Metadata is then the customer's created, as in a
	// customer.created event.
	//
	// If the table knows a release of the pair and no later claim, an event was missed, or came too
	// close to the release to count. The claim is then made at Seen. Otherwise Seen has no effect,
	// so that reading the same customer again changes nothing. The facts in the item decide, in the
	// same conditional write that joins the claim.
	Seen Time
}

// Effect is the effect of a change on the table.
type Effect string

// The effects. If several apply, the first one in this list is reported.
const (
	Conflict  Effect = "conflict"  // a claim's user has several customers that count, even if nothing changed
	Deleted   Effect = "deleted"   // a customer was deleted
	Claimed   Effect = "claimed"   // a claim is new, or newer
	Released  Effect = "released"  // a release is new, and no claim came with it
	Unchanged Effect = "unchanged" // everything was known
)

// Outcome describes the effect of a change.
type Outcome struct {
	Effect Effect
	// Counting lists the customers of a conflict.
	Counting []string
	// IsDeleted reports that the customer of a claim is deleted, so the claim does not count.
	IsDeleted bool
	// IsIdle reports that a claim does not count although its customer is not deleted, because a
	// release is as late or later.
	IsIdle bool
	// Calls is the number of calls to DynamoDB.
	Calls int
}

// byUser groups the facts by user. users are in the order in which the change names them.
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

// note records the claims of a user that do not count in the known state, and a conflict.
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

// claims reports whether the change contains a claim.
func (c Change) claims() bool { return slices.ContainsFunc(c.Facts, Fact.isClaim) }
