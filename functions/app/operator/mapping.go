// Package operator gives operators' tools the same access to the mapping, the Stripe account and
// tokens as the functions have.
package operator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/app/internal/config"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/upstream"
)

// A Mapping is the table that says which Stripe customer pays for a user.
type Mapping struct {
	MetadataKey string // the key in Stripe's metadata that holds the user
	table       customers.Table
}

// ReadMapping reads the variables CUSTOMERS_… and USER_METADATA_KEY. The error names every wrong
// one.
func ReadMapping(getenv func(string) string) (Mapping, error) {
	e := config.NewEnvironment(getenv)
	m := Mapping{table: e.Customers(), MetadataKey: e.MetadataKey()}
	return m, e.Err()
}

// Table returns the name or ARN of the table.
func (m Mapping) Table() string { return m.table.Name }

// String identifies the mapping in the state files of imports, so its format must not change.
func (m Mapping) String() string { return fmt.Sprintf("%+v", m.table) }

// Holds reports whether the table can have an item for a user.
func (m Mapping) Holds(user string) bool { return m.table.Holds(user) }

// An Entry is the content of an item of the table.
type Entry struct {
	User        string   // "" if the key does not have the table's format
	Customer    string   // the customer who pays; "" for none
	Counting    []string // customers whose claims count; more than one is a conflict
	LacksClaims bool     // claims were left out for lack of room, and there is room for one now
}

func entryOf(user, customer string, state customers.State) Entry {
	return Entry{User: user, Customer: customer, Counting: state.Counting(), LacksClaims: state.LacksClaims()}
}

// Entry reads an item. It returns the user even with an error.
func (m Mapping) Entry(item map[string]types.AttributeValue) (Entry, error) {
	entry, err := m.table.EntryOf(item)
	return entryOf(entry.User, entry.Customer, entry.State), err
}

// NewItem returns the item of an ID: with the claims if the ID is a user's, or with the users who
// claim it if it is a customer's.
func (m Mapping) NewItem(id string, claims []Fact, users []string) (map[string]types.AttributeValue, Entry) {
	state := customers.State{}
	for _, claim := range claims {
		state[claim.Customer] = state[claim.Customer].Join(claim.joined().Facts)
	}
	item := m.table.NewItem(id, state)
	if len(users) > 0 {
		maps.Copy(item, m.table.NewCustomersItem(id, users))
	}
	return item, entryOf(id, state.Customer(), state)
}

// A Fact has the times at which a user's claim to a customer was made and released, in whole
// seconds. A zero time means never.
type Fact struct {
	User, Customer string
	Metadata       time.Time // when the customer's metadata last named the user
	Reference      time.Time // when a client_reference_id first named the user
	Released       time.Time // when the metadata last stopped naming the user
	// when the metadata was read and named the user; Metadata is then the creation of the customer
	Seen time.Time
}

func (f Fact) joined() customers.Fact {
	return customers.Fact{User: f.User, Customer: f.Customer, Seen: seconds(f.Seen), Facts: customers.Facts{
		Metadata: seconds(f.Metadata), Reference: seconds(f.Reference), Released: seconds(f.Released),
	}}
}

func seconds(t time.Time) customers.Time {
	if t.IsZero() {
		return customers.Time{}
	}
	return customers.At(t.Unix())
}

// An Outcome is the effect of a claim.
type Outcome int

// The outcomes. If several apply, the last one is reported.
const (
	Joined          Outcome = iota
	Known                   // the table had the claim already
	Conflict                // several customers of the user have claims that count
	ClaimReleased           // the claim does not count: a release is as late or later
	CustomerDeleted         // the claim does not count: the customer is deleted
)

// A MappingWriter writes facts as the webhook does.
type MappingWriter struct{ writer customers.Writer }

// Writer returns a writer of the mapping.
func (m Mapping) Writer(client customers.API) *MappingWriter {
	return &MappingWriter{customers.Writer{Client: client, Table: m.table}}
}

// Join adds facts to the items of their users. If they conflict, counting are the customers whose
// claims count.
func (w *MappingWriter) Join(ctx context.Context, facts ...Fact) (outcome Outcome, counting []string, err error) {
	var change customers.Change
	for _, fact := range facts {
		change.Facts = append(change.Facts, fact.joined())
	}
	done, err := w.writer.Apply(ctx, change)
	switch {
	case done.IsDeleted:
		outcome = CustomerDeleted
	case done.IsIdle:
		outcome = ClaimReleased
	case done.Effect == customers.Conflict:
		outcome = Conflict
	case done.Effect == customers.Unchanged:
		outcome = Known
	}
	return outcome, done.Counting, err
}

// Delete ends the claims to a deleted customer: those in the table, and those of users.
func (w *MappingWriter) Delete(ctx context.Context, customer string, users ...string) error {
	change := customers.Change{Deleted: customer}
	for _, user := range users {
		fact := customers.Fact{User: user, Customer: customer, Facts: customers.Facts{Deleted: true}}
		change.Facts = append(change.Facts, fact)
	}
	_, err := w.writer.Apply(ctx, change)
	return err
}

// IsCustomerID reports whether s looks like the ID of a Stripe customer.
func IsCustomerID(s string) bool { return customers.IsID(s) }

// IsUserID reports whether an event or an import may name a user by this ID.
func IsUserID(s string) bool { return customers.IsUser(s) }

// Pause waits for d, or until ctx ends. It returns ctx's error.
func Pause(ctx context.Context, d time.Duration) error { return upstream.Pause(ctx, d) }

// IsRetryable reports whether another attempt may succeed. An expired login never does, because
// nothing renews it.
func IsRetryable(err error) bool {
	var failure *upstream.Error
	if errors.As(err, &failure) {
		return !failure.Permanent && !IsExpired(failure)
	}
	return errors.Is(err, customers.ErrRace)
}

// IsItemRefused reports whether the failure concerns one item only: the item is malformed, too
// large for DynamoDB, or was changed by others at each attempt. Changes of other items may succeed.
func IsItemRefused(err error) bool {
	var failure *upstream.Error
	if errors.As(err, &failure) {
		return failure.Reason == upstream.ValidationException ||
			failure.Reason == upstream.ItemCollectionSizeLimitExceeded
	}
	return errors.Is(err, customers.ErrMalformed) || errors.Is(err, customers.ErrMalformedFacts) ||
		errors.Is(err, customers.ErrRace)
}
