package customers

import "slices"

// Change is what an event says of users and customers.
type Change struct {
	// Facts are what it says of pairs of a user and a customer.
	Facts []Fact
	// Checkout is the customer of a Checkout Session that claims; "" for any other event. Its item learns which users claim it,
	// which nothing that Stripe keeps of a customer would tell.
	Checkout string
	// Deleted is the customer that was deleted, of every user who claims it; "" for any other event.
	Deleted string
}

// Fact is what is known of one user and one customer.
type Fact struct {
	User, Customer string
	Facts
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
	// IsIdle says that a claim counts for nothing although its customer is not deleted: a release is as late, or later.
	IsIdle bool
	// Calls is the number of calls of DynamoDB.
	Calls int
}

// byUser returns the facts of each user, and the users in the order in which the change names them.
func (c Change) byUser() (users []string, states map[string]State) {
	states = map[string]State{}
	for _, fact := range c.Facts {
		if states[fact.User] == nil {
			users = append(users, fact.User)
		}
		states[fact.User] = states[fact.User].Join(State{fact.Customer: fact.Facts})
	}
	return users, states
}

// note tells of claims for a user that count for nothing in what is known then.
func (o *Outcome) note(c Change, user string, known State) {
	for _, fact := range c.Facts {
		if fact.User != user || !fact.Metadata.known && !fact.Reference.known {
			continue
		}
		facts := known[fact.Customer]
		o.IsDeleted = o.IsDeleted || facts.Deleted
		o.IsIdle = o.IsIdle || !facts.Deleted && !facts.countsByMetadata() && !facts.countsByReference()
	}
}

// claims reports whether the change claims a customer for a user, or for anybody where user is "".
func (c Change) claims(user string) bool {
	return slices.ContainsFunc(c.Facts, func(f Fact) bool {
		return (user == "" || f.User == user) && (f.Metadata.known || f.Reference.known)
	})
}
