package customers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/internal/upstream"
)

const (
	// maxRaces bounds how often a lost race for an item is run again. Of all writers that race for
	// one, one wins each time.
	maxRaces = 100
	// Pauses between races, of which each writer waits a random part.
	firstPause, longestPause = 5 * time.Millisecond, 200 * time.Millisecond
)

// ErrRace means that others changed an item faster, again and again. Nothing was lost: the same
// change may be tried again.
var ErrRace = errors.New("customers: the item was changed by others each time")

// API are the calls of DynamoDB that writing needs.
type API interface {
	GetItemAPI
	UpdateItem(ctx context.Context, input *dynamodb.UpdateItemInput,
		options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
}

// Writer joins facts into the items of a table. It is safe for concurrent use, in any number of
// processes: changes may come in any order, and repeatedly, and the items are the same in the end.
type Writer struct {
	Client API
	Table  Table
	// Pause waits between races for an item; nil means a timer that ends with ctx.
	Pause func(ctx context.Context, d time.Duration) error
}

// Apply makes a change to all items that it is about, or returns an error. After an error the
// change may be half done: apply it again. Facts about users who are not [IsUser], or whose key
// would be too long for the table, are left out. An item with unexpected content ends the change of
// that item alone. Its errors are [ErrMalformed], [ErrMalformedFacts], [ErrRace], [*upstream.Error]
// and ctx's own.
//
// A claim that the user's item has costs one call. A new claim costs three: it is also noted in the
// customer's own item, before the user's item has it, so that a deletion finds the user.
//
// A deletion of a customer with many users stops before ctx ends, and returns an error. The next
// call continues with the users who are left.
func (w *Writer) Apply(ctx context.Context, change Change) (Outcome, error) {
	change.Facts = slices.DeleteFunc(slices.Clone(change.Facts),
		func(f Fact) bool { return !IsUser(f.User) || !w.Table.Holds(f.User) })
	run := &application{Writer: w}
	isNew, err := false, error(nil)
	if change.Deleted != "" && w.Table.Holds(change.Deleted) {
		isNew, err = run.delete(ctx, change)
	} else {
		_, isNew, err = run.joinAll(ctx, change)
	}
	if err == nil && run.outcome.Effect == "" {
		run.outcome.Effect = effectOf(change, isNew)
	}
	return run.outcome, err
}

func effectOf(change Change, isNew bool) Effect {
	switch {
	case !isNew:
		return Unchanged
	case change.Deleted != "":
		return Deleted
	case change.claims():
		return Claimed
	}
	return Released
}

// application is one change on its way into the table.
type application struct {
	*Writer
	outcome Outcome
}

// joinAll joins the facts of a change into the items of their users, and returns the users who are
// done.
func (a *application) joinAll(ctx context.Context, change Change) (done []string, changed bool, err error) {
	users, facts := change.byUser()
	for _, user := range users {
		known, isNew, joinErr := a.join(ctx, user, facts[user])
		if errors.Is(joinErr, ErrMalformed) || errors.Is(joinErr, ErrMalformedFacts) {
			err = joinErr // an operator has to correct this item; the other users must not wait for that
			continue
		}
		if joinErr != nil {
			return done, changed, joinErr
		}
		done = append(done, user)
		changed = changed || isNew
		a.outcome.note(facts[user], known)
	}
	return done, changed, err
}

// join joins facts into the item of a user, and returns all that is known then.
func (a *application) join(ctx context.Context, user string, facts []Fact) (known State, changed bool, err error) {
	isDeleted := map[string]bool{} // by the customers whose own items know the user now
	for race := range maxRaces {
		if race > 0 {
			if err := a.pause(ctx, race); err != nil {
				return nil, false, err
			}
		}
		found, err := a.read(ctx, user)
		if err != nil {
			return nil, false, err
		}
		known = found.state.with(facts)
		if found.holds(known) {
			return known, false, nil
		}
		if err := a.noteClaims(ctx, user, known.newClaims(found.stored), isDeleted); err != nil {
			return nil, false, err
		}
		for customer, pair := range known {
			pair.Deleted = pair.Deleted || isDeleted[customer]
			known[customer] = pair
		}
		kept := known.trimmed()
		if found.holds(kept) {
			return known, false, nil
		}
		_, err = a.update(ctx, user, a.Table.replacing(found, kept))
		var lost *types.ConditionalCheckFailedException
		if errors.As(err, &lost) {
			continue
		}
		return known, err == nil, err
	}
	return nil, false, ErrRace
}

// noteClaims notes new claims of a user in the customers' own items, each once, and learns which of
// them are deleted.
func (a *application) noteClaims(ctx context.Context, user string, customers []string,
	isDeleted map[string]bool) (err error) {
	for _, customer := range customers {
		if _, isNoted := isDeleted[customer]; isNoted {
			continue
		}
		if isDeleted[customer], err = a.noteClaim(ctx, customer, user); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for a random part of a time that doubles with each race that was lost.
func (a *application) pause(ctx context.Context, race int) error {
	longest := min(firstPause<<min(race, 10), longestPause)
	wait := a.Pause
	if wait == nil {
		wait = upstream.Pause
	}
	if err := wait(ctx, rand.N(longest)); err != nil { //nolint:gosec // who waits for how long is no secret
		return fmt.Errorf("wait for an item: %w", err)
	}
	return nil
}

// read reads what is known of a user.
func (a *application) read(ctx context.Context, user string) (found, error) {
	item, err := a.get(ctx, user, FactsAttribute, a.Table.path()[0])
	if err != nil {
		return found{}, err
	}
	return a.Table.read(item)
}

// get reads attributes of the item of a user or a customer.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html
func (a *application) get(ctx context.Context, id string,
	attributes ...string) (map[string]types.AttributeValue, error) {
	key, _ := a.Table.keyOf(id)
	e := newExpression()
	projection := make([]string, len(attributes))
	for i, name := range attributes {
		projection[i] = e.path(name)
	}
	a.outcome.Calls++
	output, err := a.Client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:                a.Table.name(),
		Key:                      key,
		ConsistentRead:           aws.Bool(true),
		ProjectionExpression:     aws.String(strings.Join(projection, ", ")),
		ExpressionAttributeNames: e.names,
	})
	if err != nil {
		return nil, fmt.Errorf("read the facts: %w", upstream.FromAWS("dynamodb", err))
	}
	return output.Item, nil
}

// update updates the item of a user or a customer, and returns what the input asks for.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
func (a *application) update(ctx context.Context, id string,
	input *dynamodb.UpdateItemInput) (map[string]types.AttributeValue, error) {
	key, _ := a.Table.keyOf(id)
	input.TableName, input.Key = a.Table.name(), key
	a.outcome.Calls++
	output, err := a.Client.UpdateItem(ctx, input)
	var lost *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &lost):
		return nil, err // the caller runs again
	case err != nil:
		return nil, fmt.Errorf("write the facts: %w", upstream.FromAWS("dynamodb", err))
	}
	return output.Attributes, nil
}
