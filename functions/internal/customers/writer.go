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
	// maxRaces limits how often a write to one item is tried after lost races. In each race, one
	// writer wins.
	maxRaces = 100
	// firstPause and longestPause limit the pauses between races. Each writer waits a random part.
	firstPause, longestPause = 5 * time.Millisecond, 200 * time.Millisecond
)

// ErrRace means that other writers changed an item first, every time. Nothing was lost: the same
// change may be tried again.
var ErrRace = errors.New("customers: the item was changed by others each time")

// API lists the DynamoDB calls that writing needs.
type API interface {
	GetItemAPI
	UpdateItem(ctx context.Context, input *dynamodb.UpdateItemInput,
		options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
}

// Writer joins facts into the items of a table. It is safe for concurrent use, in any number of
// processes. Changes may come in any order and repeatedly; the items are the same in the end.
type Writer struct {
	Client API
	Table  Table
	// Pause waits between races for an item; nil means a timer that ends with ctx.
	Pause func(ctx context.Context, d time.Duration) error
}

// Apply makes a change to all items that it concerns, or returns an error. After an error the
// change may be incomplete: apply it again. Facts about users who are not [IsUser], or whose key
// would be too long for the table, are left out. An item with unexpected content stops only the
// change of that item. The errors are [ErrMalformed], [ErrMalformedFacts], [ErrRace],
// [*upstream.Error] and that of ctx.
//
// A claim that the user's item already has costs one call. A new claim costs three, because it is
// also noted in the customer's own item, before it is written to the user's item, so that a
// deletion finds the user.
//
// A deletion of a customer with many users stops before ctx ends, and returns an error. The next
// call continues with the remaining users.
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

// An application writes one change to the table.
type application struct {
	*Writer
	outcome Outcome
}

// joinAll joins the facts of a change into the items of their users. It returns the users who are
// done.
func (a *application) joinAll(ctx context.Context, change Change) (done []string, changed bool, err error) {
	users, facts := change.byUser()
	for _, user := range users {
		known, isNew, joinErr := a.join(ctx, user, facts[user])
		if errors.Is(joinErr, ErrMalformed) || errors.Is(joinErr, ErrMalformedFacts) {
			err = joinErr // an operator must correct this item; the other users must not wait for that
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

// join joins facts into a user's item, and returns everything known then.
func (a *application) join(ctx context.Context, user string, facts []Fact) (known State, changed bool, err error) {
	isDeleted := map[string]bool{} // by customer, once the claim is noted in the customer's own item
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

// noteClaims notes new claims of a user in the customers' own items, each once, and records in
// isDeleted whether each customer is deleted.
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

// pause waits for a random part of a time that doubles with each lost race.
func (a *application) pause(ctx context.Context, race int) error {
	longest := min(firstPause<<min(race, 10), longestPause)
	wait := a.Pause
	if wait == nil {
		wait = upstream.Pause
	}
	if err := wait(ctx, rand.N(longest)); err != nil { //nolint:gosec // the pause is not a secret
		return fmt.Errorf("wait for an item: %w", err)
	}
	return nil
}

// read reads everything known about a user.
func (a *application) read(ctx context.Context, user string) (found, error) {
	item, err := a.get(ctx, user, FactsAttribute, a.Table.path()[0])
	if err != nil {
		return found{}, err
	}
	return a.Table.read(item)
}

// get reads attributes from the item of a user or a customer.
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
		return nil, fmt.Errorf("read the facts: %w", upstream.FromAWS(upstream.DynamoDB, err))
	}
	return output.Item, nil
}

// update updates the item of a user or a customer, and returns the attributes that the input
// requests.
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
		return nil, err // the caller tries again
	case err != nil:
		return nil, fmt.Errorf("write the facts: %w", upstream.FromAWS(upstream.DynamoDB, err))
	}
	return output.Attributes, nil
}
