// Package account holds the state of a Stripe account: customers, subscriptions, products, portal
// configurations, open sessions and webhook endpoints, and the objects that Stripe's API returns
// for them.
package account

import (
	"context"
	"slices"
	"sync"
	"time"

	"billingportal/local/internal/fakestripe/events"
)

// Account is a Stripe account: its data and its open sessions. Hold its lock to use its fields, and
// the methods that say so.
type Account struct {
	sync.Mutex
	Data      Data
	Sessions  map[string]*Visit         // by the last part of the session URL
	Checkouts map[string]UnpaidCheckout // by the last part of the page URL

	Now func() time.Time // the clock; needs no lock

	listed []Customer         // cache of NewestCustomers
	forgot time.Time          // when Admit last dropped sessions
	send   func(event []byte) // nil without an endpoint
}

// New returns an account with this state and clock. nil means [DemoData] and time.Now.
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

// Change calls f to change the state of the account, for example to cancel a subscription in the
// middle of a test. No request is handled while f runs. f must not keep the pointer.
func (a *Account) Change(f func(*Data)) {
	a.Lock()
	defer a.Unlock()
	f(&a.Data)
	a.listed = nil
}

// NewestCustomers returns the customers that are not deleted, newest first. It caches the result
// until the customers change. The caller must hold the lock.
func (a *Account) NewestCustomers() []Customer {
	if a.listed != nil {
		return a.listed
	}
	a.listed = slices.DeleteFunc(slices.Clone(a.Data.Customers), func(c Customer) bool { return c.Deleted })
	slices.SortStableFunc(a.listed, func(a, b Customer) int { return b.Created.Compare(a.Created) })
	return a.listed
}

// DeleteCustomersOf deletes the customers of a user, like an operator in the Stripe dashboard, and
// returns their number.
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
		a.SendEvent("customer.deleted", CustomerObject(c))
	}
	return len(deleted)
}

// SendEvents sends all later events to an endpoint. Each event is sent until the endpoint
// acknowledges it, for up to a minute (Stripe retries for days) or until ctx ends.
func (a *Account) SendEvents(ctx context.Context, endpoint events.Endpoint) {
	a.Lock()
	defer a.Unlock()
	a.send = func(event []byte) {
		go endpoint.Deliver(ctx, event, a.Now)
	}
}

// SendEvent sends an event to the endpoint, if there is one.
func (a *Account) SendEvent(kind string, object map[string]any) {
	a.Lock()
	send, now := a.send, a.Now()
	a.Unlock()
	if send == nil {
		return
	}
	event, err := events.New(kind, now, object)
	if err != nil {
		panic(err) // all objects of this package can be encoded
	}
	send(event)
}
