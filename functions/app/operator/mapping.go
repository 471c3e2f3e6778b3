// Package operator has what an operator's tools do with the mapping, the Stripe account and tokens:
// the same as the functions do.
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

// ReadMapping reads the variables CUSTOMERS_… and USER_METADATA_KEY. The error names every one that
// is wrong.
func ReadMapping(getenv func(string) string) (Mapping, error) {
	e := config.NewEnvironment(getenv)
	m := Mapping{table: e.Customers(), MetadataKey: e.MetadataKey()}
	return m, e.Err()
}

// Table is the table's name or ARN.
func (m Mapping) Table() string { return m.table.Name }

// String identifies the mapping in the state files of imports, so its format must not change.
func (m Mapping) String() string { return fmt.Sprintf("%+v", m.table) }

// Holds reports whether the table can have an item of a user.
func (m Mapping) Holds(user string) bool { return m.table.Holds(user) }

// An Entry is what an item says about a user.
type Entry struct {
	User        string   // "" if the key does not have the table's format
	Customer    string   // who pays; "" for none
	Counting    []string // customers whose claims count; more than one is a conflict
	LacksClaims bool     // claims were left out, and there is room for one now
}

func entryOf(user, customer string, state customers.State) Entry {
	return Entry{User: user, Customer: customer, Counting: state.Counting(), LacksClaims: state.LacksClaims()}
}

// Entry reads an item. The entry has the user beside an error, too.
func (m Mapping) Entry(item map[string]types.AttributeValue) (Entry, error) {
	entry, err := m.table.EntryOf(item)
	return entryOf(entry.User, entry.Customer, entry.State), err
}

// NewItem is the item of an ID: with the claims if it is a user's, and with the users who claim it
// if it is a customer's.
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

// A Fact has the times of claims to a customer by a user, and of their release, in whole seconds. A
// zero time is never.
type Fact struct {
	User, Customer string
	Metadata       time.Time // of the latest claim by the customer's metadata
	Reference      time.Time // of the earliest claim by a client_reference_id
	Released       time.Time // when the metadata last ceased to name the user
	Seen           time.Time // when the metadata was read and named the user; Metadata is the customer's created then
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

// The outcomes. The last one that fits is reported.
const (
	Joined          Outcome = iota
	Known                   // nothing was new
	Conflict                // the user has several customers that count
	ClaimReleased           // the claim counts for nothing, because a release is as late, or later
	CustomerDeleted         // the claim counts for nothing
)

// A MappingWriter writes facts as the webhook does.
type MappingWriter struct{ writer customers.Writer }

// Writer returns a writer of the mapping.
func (m Mapping) Writer(client customers.API) *MappingWriter {
	return &MappingWriter{customers.Writer{Client: client, Table: m.table}}
}

// Join joins facts into the items of their users. counting are the customers of a conflict.
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

// Delete ends the claims of a deleted customer: those that the table knows, and those of users.
func (w *MappingWriter) Delete(ctx context.Context, customer string, users ...string) error {
	change := customers.Change{Deleted: customer}
	for _, user := range users {
		fact := customers.Fact{User: user, Customer: customer, Facts: customers.Facts{Deleted: true}}
		change.Facts = append(change.Facts, fact)
	}
	_, err := w.writer.Apply(ctx, change)
	return err
}

// IsCustomerID reports whether a text has the form of a Stripe customer's ID.
func IsCustomerID(s string) bool { return customers.IsID(s) }

// IsUserID reports whether an event or an import may name a user by this ID.
func IsUserID(s string) bool { return customers.IsUser(s) }

// AWSFailure describes a failed call to an AWS service, without AWS's own text.
func AWSFailure(service string, err error) error { return upstream.FromAWS(service, err) }

// IsRetryable reports whether another try may succeed. After an expired login none does: nothing
// renews it.
func IsRetryable(err error) bool {
	var failure *upstream.Error
	if errors.As(err, &failure) {
		isExpired := failure.Reason == upstream.ExpiredToken || failure.Reason == upstream.ExpiredTokenException
		return !failure.Permanent && !isExpired
	}
	return errors.Is(err, customers.ErrRace)
}

// IsItemRefused reports whether the failure is about one item, so that a change of another may
// succeed: the item has malformed content, DynamoDB finds it too large, or others changed it each
// time.
func IsItemRefused(err error) bool {
	var failure *upstream.Error
	if errors.As(err, &failure) {
		return failure.Reason == upstream.ValidationException ||
			failure.Reason == upstream.ItemCollectionSizeLimitExceeded
	}
	return errors.Is(err, customers.ErrMalformed) || errors.Is(err, customers.ErrMalformedFacts) ||
		errors.Is(err, customers.ErrRace)
}

// IsExpired reports whether AWS refused a request because the credentials have expired.
func IsExpired(err error) bool {
	var failure *upstream.Error
	return errors.As(err, &failure) &&
		(failure.Reason == upstream.ExpiredToken || failure.Reason == upstream.ExpiredTokenException)
}
