package customers

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"billingportal/functions/internal/upstream"
)

// manyHistories is the default of -histories. CI delivers 10,000.
const manyHistories = 1_000

var (
	histories = flag.Int("histories", manyHistories, "number of histories that are delivered")
	firstSeed = flag.Uint64("seed", 1, "seed of the first history; the others follow")
)

// An account is the history of a Stripe account: events in their order, and the state that they
// result in.
type account struct {
	random    *rand.Rand
	clock     int64
	users     []string
	customers []*stripeCustomer
	changes   []Change          // from the events that arrive
	misses    bool              // some events never arrive
	handmade  map[string]string // user to customer, before the first event
	want      map[string]State
}

type stripeCustomer struct {
	id      string
	created int64  // may be in the future, for a customer of a test clock
	user    string // named by the metadata; "" means none
	deleted bool
	known   bool // the deletion arrived
}

// A scale is the size of an account's history.
type scale struct {
	users, customers, events int
	padding                  string // appended to the users' IDs
}

// The limits of the design are 100 customers of a user and 100 users of a customer. A few customers
// are left for mappings written by hand and for purchases.
var (
	usual         = scale{3, 10, 16, ""}
	manyCustomers = scale{2, 95, 200, ""}
	manyUsers     = scale{100, 3, 250, ""}
)

// newAccount generates a random history.
func newAccount(seed uint64, s scale) *account {
	a := &account{random: rand.New(rand.NewPCG(seed, 0)), clock: 100, handmade: map[string]string{},
		want: map[string]State{}}
	a.misses = a.random.IntN(4) == 0
	for i := range s.users {
		a.users = append(a.users, fmt.Sprintf("user-%d", i)+s.padding)
	}
	for _, user := range a.users {
		if a.random.IntN(6) == 0 {
			a.handmade[user] = fmt.Sprintf("cus_%d", a.random.IntN(4))
		}
	}
	events := 3 + s.events/2 + a.random.IntN(s.events/2)
	if s == usual {
		events = 3 + a.random.IntN(s.events)
	}
	for i := range events {
		a.clock += int64(a.random.IntN(2)) // half of all events share their time with the one before
		// In a large history customers live long enough for many claims, and at least one is never
		// deleted.
		a.happen(s.customers, s == usual || i > events*3/4 && len(a.alive()) > 1)
	}
	a.spreadDeletions()
	return a
}

// happen adds one random event to the history.
func (a *account) happen(most int, deletes bool) {
	switch alive := a.alive(); {
	case len(a.customers) < most && (len(alive) == 0 || a.random.IntN(5) == 0 || most > 50 && a.random.IntN(3) > 0):
		c := a.newCustomer()
		c.user = a.perhapsUser()
		a.add(Change{Facts: claimsOf(c.user, c.id, c.created)})
	case len(alive) == 0:
	case deletes && a.random.IntN(8) == 0:
		a.delete(alive[a.random.IntN(len(alive))])
	case a.random.IntN(2) == 0:
		a.update(alive[a.random.IntN(len(alive))])
	default:
		c := alive[a.random.IntN(len(alive))]
		if len(a.customers) < most && a.random.IntN(3) == 0 {
			c = a.newCustomer() // its customer.created names no user
		}
		a.checkOut(c)
	}
}

func (a *account) alive() []*stripeCustomer {
	return slices.DeleteFunc(slices.Clone(a.customers), func(c *stripeCustomer) bool { return c.deleted })
}

func (a *account) newCustomer() *stripeCustomer {
	c := &stripeCustomer{id: fmt.Sprintf("cus_%d", len(a.customers)), created: a.clock}
	if a.random.IntN(8) == 0 {
		c.created += 1000 // as with a test clock
	}
	a.customers = append(a.customers, c)
	return c
}

func (a *account) perhapsUser() string {
	if a.random.IntN(4) == 0 {
		return ""
	}
	return a.users[a.random.IntN(len(a.users))]
}

func (a *account) update(c *stripeCustomer) {
	before := c.user
	if a.random.IntN(3) > 0 {
		c.user = a.perhapsUser()
	}
	if c.user == before { // something else was changed
		a.add(Change{Facts: claimsOf(c.user, c.id, c.created)})
		return
	}
	facts := claimsOf(c.user, c.id, a.clock)
	if before != "" {
		facts = append(facts, release(before, c.id, c.from(a.clock)))
	}
	a.add(Change{Facts: facts})
}

// from returns the time from which a release counts: not before the customer was created.
func (c *stripeCustomer) from(seconds int64) int64 { return max(seconds, c.created) }

func (a *account) checkOut(c *stripeCustomer) {
	facts := claimsOf(a.perhapsUser(), c.id, a.clock)
	if user := a.perhapsUser(); user != "" {
		facts = append(facts, reference(user, c.id, a.clock))
	}
	if len(facts) > 0 {
		a.add(Change{Facts: facts})
	}
}

func (a *account) delete(c *stripeCustomer) {
	c.deleted = true
	c.known = a.add(deletionAtStripe(c))
}

func deletionAtStripe(c *stripeCustomer) Change {
	change := Change{Deleted: c.id}
	if c.user != "" {
		change.Facts = []Fact{deletionOf(c.user, c.id)}
	}
	return change
}

// spreadDeletions tells every user about the deletions of the customers that they claim. A mapping
// written by hand is a claim once there is a fact about its user.
func (a *account) spreadDeletions() {
	for _, c := range a.customers {
		for user, state := range a.want {
			if facts := state[c.id]; c.known && facts.isClaim() {
				a.know(deletionOf(user, c.id))
			}
		}
	}
}

// claimers returns the users in a customer's own item.
func (a *account) claimers(c *stripeCustomer) []string {
	var claimers []string
	for user, state := range a.want {
		if !c.known && state[c.id].isClaim() {
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

// add adds an event and its meaning, unless the event is missed.
func (a *account) add(change Change) (arrives bool) {
	if a.misses && a.random.IntN(6) == 0 {
		return false
	}
	a.changes = append(a.changes, change)
	for _, fact := range change.Facts {
		a.know(fact)
	}
	return true
}

func (a *account) know(fact Fact) {
	state, known := a.want[fact.User]
	if handmade := a.handmade[fact.User]; !known && handmade != "" {
		state = State{handmade: {Metadata: At(0)}}
	}
	a.want[fact.User] = state.with([]Fact{fact})
}

// imports returns the changes of an import of the whole account at the end.
func (a *account) imports() (changes []Change) {
	for _, c := range a.alive() {
		if c.user != "" {
			changes = append(changes, Change{Facts: []Fact{seen(c.user, c.id, c.created, a.clock+1)}})
		}
	}
	return changes
}

// verify returns the changes that correct the table's mappings, as `import --verify --fix` does
// after missed events.
func (a *account) verify(table *fakeTable) (corrections []Change) {
	for _, id := range slices.Sorted(maps.Keys(table.items)) {
		entry, _ := plainTable.EntryOf(table.items[id])
		c := a.customer(entry.Customer)
		switch {
		case c == nil:
		case c.deleted:
			corrections = append(corrections, Change{Deleted: c.id, Facts: []Fact{deletionOf(entry.User, c.id)}})
		case c.user != "" && c.user != entry.User:
			corrections = append(corrections,
				Change{Facts: []Fact{release(entry.User, c.id, c.from(a.clock+1)), claim(c.user, c.id, a.clock+1)}})
		}
	}
	return corrections
}

// customer returns a customer that Stripe has or had.
func (a *account) customer(id string) *stripeCustomer {
	for _, c := range a.customers {
		if c.id == id {
			return c
		}
	}
	return nil
}

var errLost = errors.New("the connection is lost")

// A stage lets deliverers make one call at a time, in a random order. Some calls fail, before or
// after the table executes them.
type stage struct {
	*fakeTable
	random *rand.Rand
	told   chan *deliverer // receives each deliverer that waits or is done
}

type deliverer struct {
	*stage
	turn chan struct{}
	done bool
}

// call waits for its turn and loses some calls.
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

func (d *deliverer) GetItem(ctx context.Context, input *dynamodb.GetItemInput,
	_ ...func(*dynamodb.Options)) (output *dynamodb.GetItemOutput, err error) {
	err = d.call(func() error { output, err = d.fakeTable.GetItem(ctx, input); return err })
	return output, err
}

func (d *deliverer) UpdateItem(ctx context.Context, input *dynamodb.UpdateItemInput,
	_ ...func(*dynamodb.Options)) (output *dynamodb.UpdateItemOutput, err error) {
	err = d.call(func() error { output, err = d.fakeTable.UpdateItem(ctx, input); return err })
	return output, err
}

// deliver applies each change until it succeeds.
func (d *deliverer) deliver(t *testing.T, changes []Change) {
	writer := &Writer{Client: d, Table: plainTable, Pause: func(context.Context, time.Duration) error { return nil }}
	for len(changes) > 0 {
		change := changes[0]
		changes = changes[1:]
		if _, err := writer.Apply(context.Background(), change); err != nil {
			var failure *upstream.Error
			if !errors.As(err, &failure) || failure.Permanent {
				t.Errorf("%+v: %v", change, err)
				continue
			}
			changes = append(changes, change) // later, as Stripe does
		}
	}
	d.done = true
	d.told <- d
}

// newTable returns the table before the first event.
func (a *account) newTable() *fakeTable {
	table := newFakeTable(plainTable)
	for user, customer := range a.handmade {
		table.items[user] = attributes{"user_id": text(user), "customer_id": text(customer), "name": text("theirs")}
	}
	return table
}

// play delivers changes in a random order, some of them twice, by several deliverers at once.
func (a *account) play(t *testing.T, table *fakeTable, changes []Change) {
	s := &stage{fakeTable: table, random: a.random, told: make(chan *deliverer)}
	deliveries := slices.Clone(changes)
	for _, change := range changes {
		if a.random.IntN(3) == 0 {
			deliveries = append(deliveries, change)
		}
	}
	a.random.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
	deliverers := 1 + a.random.IntN(4)
	var waiting []*deliverer
	for i := range deliverers {
		d := &deliverer{stage: s, turn: make(chan struct{})}
		go d.deliver(t, slices.Clone(deliveries[i*len(deliveries)/deliverers:(i+1)*len(deliveries)/deliverers]))
		waiting = append(waiting, <-s.told)
	}
	for {
		waiting = slices.DeleteFunc(waiting, func(d *deliverer) bool { return d.done })
		if len(waiting) == 0 {
			return
		}
		next := waiting[a.random.IntN(len(waiting))]
		next.turn <- struct{}{}
		<-s.told // the same deliverer, because no other one runs
	}
}

// scaleOf makes a few histories of each run come near the limits.
func scaleOf(seed uint64) scale {
	switch seed % 500 {
	case 100:
		return manyCustomers
	case 200:
		return manyUsers
	}
	return usual
}

// In any order, however often and however late events arrive, the table has their combined meaning.
// An import then restores the missed facts, and a second import changes nothing.
func TestHistoriesEndInTheSameTable(t *testing.T) {
	events := 0
	for seed := *firstSeed; seed < *firstSeed+uint64(*histories); seed++ { //nolint:gosec // a number of histories
		a := newAccount(seed, scaleOf(seed))
		events += len(a.changes)
		table := a.newTable()
		a.play(t, table, a.changes)
		a.requireTable(t, table, seed, "events")

		imports := a.imports()
		for _, change := range imports {
			a.know(change.Facts[0])
		}
		a.spreadDeletions()
		a.play(t, table, imports)
		a.requireTable(t, table, seed, "an import")
		for _, change := range imports {
			if again := apply(t, table, plainTable, change); again.Calls != 1 {
				t.Errorf("-seed %d: a second import did %+v", seed, again)
			}
		}
		a.repair(t, table, seed)
		if t.Failed() {
			break
		}
	}
	t.Logf("%d histories of %d events, from seed %d", *histories, events, *firstSeed)
}

func (a *account) requireTable(t *testing.T, table *fakeTable, seed uint64, after string) {
	t.Helper()
	if failure := a.check(table); failure != "" {
		t.Fatalf("-seed %d, after %s: %s", seed, after, failure)
	}
}

// check compares the table with the facts that it should have.
func (a *account) check(table *fakeTable) string {
	for _, user := range a.users {
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
		if isMarked(item) != c.known || !slices.Equal(usersOf(item), a.claimers(c)) || item["customer_id"] != nil {
			return fmt.Sprintf("the item of %s is %v", c.id, item)
		}
	}
	return ""
}

// repair corrects mappings until all are right, and checks the result.
func (a *account) repair(t *testing.T, table *fakeTable, seed uint64) {
	t.Helper()
	for run := 0; ; run++ {
		corrections := a.verify(table)
		if len(corrections) == 0 {
			break
		}
		if run > len(a.customers) {
			t.Fatalf("-seed %d: after %d runs these are still wrong: %v", seed, run, corrections)
		}
		a.play(t, table, corrections)
	}
	for _, c := range a.alive() {
		if c.user == "" || c.created > a.clock { // the claims of a test clock's customer are in the future
			continue
		}
		if got, err := (&Store{Client: table, Table: plainTable}).CustomerID(t.Context(), c.user); err != nil {
			t.Errorf("-seed %d: %s of %s has %q, %v", seed, c.user, c.id, got, err)
		}
	}
	for id, item := range table.items {
		found, err := plainTable.read(item)
		if err != nil || len(found.stored) > maxCustomers || len(usersOf(item)) > maxUsers || size(item) > maxSize ||
			len(found.stored) > 0 && found.customer.id != found.stored.Customer() {
			t.Errorf("-seed %d: the item of %s has %d customers, %d users, %d bytes and the customer %q: %v", seed, id,
				len(found.stored), len(usersOf(item)), size(item), found.customer.id, err)
		}
	}
}

// Beyond the limits no call fails and no item grows, and the table can be repaired.
func TestHistoriesBeyondTheLimits(t *testing.T) {
	scales := []scale{{1, 300, 600, ""}, {200, 2, 600, ""}, {2, 250, 500, ""}, {200, 1, 600, strings.Repeat("ü", 200)},
		{200, 1, 600, strings.Repeat("\U0001f600", 245)}}
	most := map[string]int{}
	// gosec: a number of histories, not an overflow.
	for seed := *firstSeed; seed < *firstSeed+5+uint64(*histories)/1000 && !t.Failed(); seed++ { //nolint:gosec
		a := newAccount(seed, scales[seed%uint64(len(scales))])
		table := a.newTable()
		a.play(t, table, a.changes)
		for _, item := range table.items {
			found, _ := plainTable.read(item)
			most["customers"] = max(most["customers"], len(found.state))
			most["users"] = max(most["users"], len(usersOf(item)))
			most["bytes"] = max(most["bytes"], size(item))
		}
		a.play(t, table, a.imports())
		a.repair(t, table, seed)
	}
	if t.Log(most); most["customers"] < maxCustomers || most["users"] < maxUsers || most["bytes"] < maxSize/2 {
		t.Error("the histories do not reach the limits")
	}
}
