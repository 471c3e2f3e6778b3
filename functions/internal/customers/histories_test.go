package customers

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

var (
	histories = flag.Int("histories", 10_000, "number of histories that are delivered")
	firstSeed = flag.Uint64("seed", 1, "seed of the first history; the others follow")
)

// account is what happens at Stripe, as it is there: an order of events, and what they mean together.
type account struct {
	random    *rand.Rand
	clock     int64
	customers []*stripeCustomer
	changes   []Change
	handmade  map[string]string // user to customer, before the first event
	want      map[string]State
}

type stripeCustomer struct {
	id      string
	created int64
	user    string // that the metadata names; "": none
	deleted bool
}

var users = []string{"alice", "bob", "carol"}

// newAccount makes up a history of at most sixteen events.
func newAccount(seed uint64) *account {
	a := &account{random: rand.New(rand.NewPCG(seed, 0)), clock: 100, handmade: map[string]string{}, want: map[string]State{}}
	for _, user := range users {
		if a.random.IntN(6) == 0 {
			a.handmade[user] = fmt.Sprintf("cus_%d", a.random.IntN(4))
		}
	}
	for range 3 + a.random.IntN(14) {
		a.clock += int64(a.random.IntN(2)) // half of all events share their time with the one before
		a.happen()
	}
	a.spreadDeletions()
	return a
}

// happen has one thing happen at Stripe.
func (a *account) happen() {
	switch alive := slices.DeleteFunc(slices.Clone(a.customers), func(c *stripeCustomer) bool { return c.deleted }); {
	case len(alive) == 0 || a.random.IntN(5) == 0:
		c := a.newCustomer()
		c.user = a.perhapsUser()
		a.tell(Change{Facts: claimsOf(c.user, c.id, c.created)})
	case a.random.IntN(8) == 0:
		a.delete(alive[a.random.IntN(len(alive))])
	case a.random.IntN(2) == 0:
		a.update(alive[a.random.IntN(len(alive))])
	default:
		a.checkOut(alive[a.random.IntN(len(alive))])
	}
}

func (a *account) newCustomer() *stripeCustomer {
	c := &stripeCustomer{id: fmt.Sprintf("cus_%d", len(a.customers)), created: a.clock}
	a.customers = append(a.customers, c)
	return c
}

func (a *account) perhapsUser() string {
	return append([]string{""}, users...)[a.random.IntN(len(users)+1)]
}

func (a *account) update(c *stripeCustomer) {
	before := c.user
	if a.random.IntN(3) > 0 {
		c.user = a.perhapsUser()
	}
	if c.user == before { // something else was changed
		a.tell(Change{Facts: claimsOf(c.user, c.id, c.created)})
		return
	}
	facts := claimsOf(c.user, c.id, a.clock)
	if before != "" {
		facts = append(facts, release(before, c.id, a.clock))
	}
	a.tell(Change{Facts: facts})
}

func (a *account) checkOut(c *stripeCustomer) {
	if a.random.IntN(3) == 0 {
		c = a.newCustomer() // whose own event says nothing of a user
	}
	facts := claimsOf(a.perhapsUser(), c.id, a.clock)
	if user := a.perhapsUser(); user != "" {
		facts = append(facts, reference(user, c.id, a.clock))
	}
	if len(facts) > 0 {
		a.tell(Change{Facts: facts})
	}
}

func (a *account) delete(c *stripeCustomer) {
	c.deleted = true
	var facts []Fact
	if c.user != "" {
		facts = []Fact{deletionOf(c.user, c.id)}
	}
	a.tell(Change{Facts: facts, Deleted: c.id})
}

// spreadDeletions has every user know of the deletions of the customers that they claim. A mapping that was written by hand is a
// claim once there is a fact about its user.
func (a *account) spreadDeletions() {
	for _, c := range a.customers {
		for user, state := range a.want {
			if facts := state[c.id]; c.deleted && (facts.Metadata.known || facts.Reference.known) {
				a.know(user, c.id, Facts{Deleted: true})
			}
		}
	}
}

// claimers are the users in the item of a customer.
func (a *account) claimers(c *stripeCustomer) []string {
	var claimers []string
	for user, state := range a.want {
		if facts := state[c.id]; !c.deleted && (facts.Metadata.known || facts.Reference.known) {
			claimers = append(claimers, user)
		}
	}
	slices.Sort(claimers)
	return claimers
}

func claimsOf(user, customer string, seconds int64) []Fact {
	if user == "" {
		return nil
	}
	return []Fact{claim(user, customer, seconds)}
}

// tell notes an event, and what it means.
func (a *account) tell(change Change) {
	a.changes = append(a.changes, change)
	for _, fact := range change.Facts {
		a.know(fact.User, fact.Customer, fact.Facts)
	}
}

func (a *account) know(user, customer string, facts Facts) {
	if a.want[user] == nil {
		a.want[user] = State{}
		if handmade := a.handmade[user]; handmade != "" {
			a.want[user] = State{handmade: {Metadata: At(0)}}
		}
	}
	a.want[user] = a.want[user].Join(State{customer: facts})
}

var errLost = errors.New("the connection is lost")

// stage lets deliverers make one call at a time, in a random order, some of which fail: before the table has seen them, or
// after.
type stage struct {
	*fakeTable
	random *rand.Rand
	told   chan *deliverer // by a deliverer that waits, or has nothing left to do
}

type deliverer struct {
	*stage
	turn chan struct{}
	done bool
}

// call waits for its turn, and loses some.
func (d *deliverer) call(send func() error) error {
	d.told <- d
	<-d.turn
	switch d.random.IntN(10) {
	case 0:
		return errLost
	case 1:
		if err := send(); err != nil {
			return err
		}
		return errLost
	}
	return send()
}

func (d *deliverer) GetItem(ctx context.Context, input *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (output *dynamodb.GetItemOutput, err error) {
	err = d.call(func() error { output, err = d.fakeTable.GetItem(ctx, input); return err })
	return output, err
}

func (d *deliverer) UpdateItem(ctx context.Context, input *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (output *dynamodb.UpdateItemOutput, err error) {
	err = d.call(func() error { output, err = d.fakeTable.UpdateItem(ctx, input); return err })
	return output, err
}

// deliver makes changes until each was made without an error.
func (d *deliverer) deliver(changes []Change) {
	writer := &Writer{Client: d, Table: plainTable, Pause: func(context.Context, time.Duration) error { return nil }}
	for len(changes) > 0 {
		change := changes[0]
		changes = changes[1:]
		if _, err := writer.Apply(context.Background(), change); err != nil {
			changes = append(changes, change) // later, as Stripe does
		}
	}
	d.done = true
	d.told <- d
}

// play delivers the events of an account in a random order, some of them twice, by several deliverers at once.
func (a *account) play() *fakeTable {
	s := &stage{fakeTable: newFakeTable(plainTable), random: a.random, told: make(chan *deliverer)}
	for user, customer := range a.handmade {
		s.items[user] = attributes{"user_id": text(user), "customer_id": text(customer), "name": text("theirs")}
	}
	deliveries := slices.Clone(a.changes)
	for _, change := range a.changes {
		if a.random.IntN(3) == 0 {
			deliveries = append(deliveries, change)
		}
	}
	a.random.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
	deliverers := 1 + a.random.IntN(4)
	var waiting []*deliverer
	for i := range deliverers {
		d := &deliverer{stage: s, turn: make(chan struct{})}
		go d.deliver(slices.Clone(deliveries[i*len(deliveries)/deliverers : (i+1)*len(deliveries)/deliverers]))
		waiting = append(waiting, <-s.told)
	}
	for {
		waiting = slices.DeleteFunc(waiting, func(d *deliverer) bool { return d.done })
		if len(waiting) == 0 {
			return s.fakeTable
		}
		next := waiting[a.random.IntN(len(waiting))]
		next.turn <- struct{}{}
		<-s.told // the same one: nobody else runs
	}
}

// Whatever the order, however often, however late: the table is what all events mean together.
func TestHistoriesEndInTheSameTable(t *testing.T) {
	events := 0
	for seed := *firstSeed; seed < *firstSeed+uint64(*histories); seed++ { //nolint:gosec // a number of histories
		a := newAccount(seed)
		events += len(a.changes)
		table := a.play()
		if failure := a.check(table); failure != "" {
			t.Fatalf("-seed %d: %s", seed, failure)
		}
	}
	t.Logf("%d histories of %d events, from seed %d", *histories, events, *firstSeed)
}

// check compares the table with what is known.
func (a *account) check(table *fakeTable) string {
	for _, user := range users {
		state, known := a.want[user]
		item := table.items[user]
		customer := a.handmade[user]
		if known {
			customer = state.Customer()
		}
		found, err := plainTable.read(item)
		switch {
		case err != nil:
			return fmt.Sprintf("%s: %v", user, err)
		case found.customer.id != customer:
			return fmt.Sprintf("%s's customer is %q, want %q of %v", user, found.customer.id, customer, state)
		case known && !maps.Equal(found.state, state):
			return fmt.Sprintf("of %s it is known %v, want %v", user, found.state, state)
		case a.handmade[user] != "" && item["name"] == nil:
			return user + "'s name is gone"
		}
	}
	for _, c := range a.customers {
		item := table.items[c.id]
		if isMarked(item) != c.deleted || !slices.Equal(usersOf(item), a.claimers(c)) || item["customer_id"] != nil {
			return fmt.Sprintf("the item of %s is %v", c.id, item)
		}
	}
	return ""
}
