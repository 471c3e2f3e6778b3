// Package account is the state of a Stripe account: customers, subscriptions, products, portal
// configurations, open sessions and webhook endpoints, with the objects by which Stripe's API shows
// them.
package account

import (
	"context"
	"slices"
	"sync"
	"time"

	"billingportal/local/internal/fakestripe/events"
)

// Account is a Stripe account: its data, and what is open in it. Its fields, and those methods that
// say so, may be used only with its lock held.
type Account struct {
	sync.Mutex
	Data      Data
	Sessions  map[string]*Visit         // by the last part of the session's URL
	Checkouts map[string]UnpaidCheckout // by the last part of the page's URL

	Now func() time.Time // the clock, which needs no lock

	listed []Customer         // see NewestCustomers
	forgot time.Time          // when Admit last dropped sessions
	send   func(event []byte) // nil: no endpoint
}

// New returns an account with this state, nil for [DemoData], and this clock, nil for time.Now.
func New(data *Data, now func() time.Time) *Account {
	if now == nil {
		now = time.Now
	}
	if data == nil {
		demo := DemoData(now())
		data = &demo
	}
	return &Account{Data: *data, Now: now, Sessions: make(map[string]*Visit),
		Checkouts: make(map[string]UnpaidCheckout)}
}

// Change lets f change the account's state, for example to cancel a subscription in the middle of a
// test. No request is answered while f runs, and f must not keep the pointer.
func (a *Account) Change(f func(*Data)) {
	a.Lock()
	defer a.Unlock()
	f(&a.Data)
	a.listed = nil
}

// NewestCustomers are those that are listed, in the order of a list. It is kept for as long as the
// customers are the same. Call it with the lock held.
func (a *Account) NewestCustomers() []Customer {
	if a.listed != nil {
		return a.listed
	}
	a.listed = slices.DeleteFunc(slices.Clone(a.Data.Customers), func(c Customer) bool { return c.Deleted })
	slices.SortStableFunc(a.listed, func(a, b Customer) int { return b.Created.Compare(a.Created) })
	return a.listed
}

// DeleteCustomersOf deletes the customers of a user, as somebody would in Stripe's dashboard, and
// returns how many they were.
func (a *Account) DeleteCustomersOf(user string) int {
	var deleted []Customer
	a.Change(func(d *Data) {
		for i := range d.Customers {
			c := &d.Customers[i]
			if !c.Deleted && (c.User == user || c.Reference == user) {
				c.Deleted = true
				deleted = append(deleted, *c)
			}
		}
	})
	for _, c := range deleted {
		a.Tell("customer.deleted", CustomerObject(c))
	}
	return len(deleted)
}

// SendEvents has the events of what happens from now on sent to an endpoint. Each is sent until it
// is acknowledged, for a minute, as Stripe does for days; ctx ends that, too.
func (a *Account) SendEvents(ctx context.Context, endpoint events.Endpoint) {
	a.Lock()
	defer a.Unlock()
	a.send = func(event []byte) {
		go endpoint.Deliver(ctx, event, a.Now)
	}
}

// Tell sends an event to the endpoint, if there is one.
func (a *Account) Tell(kind string, object map[string]any) {
	a.Lock()
	send, now := a.send, a.Now()
	a.Unlock()
	if send == nil {
		return
	}
	event, err := events.New(kind, now, object)
	if err != nil {
		panic(err) // an object of this package's that does not marshal
	}
	send(event)
}
