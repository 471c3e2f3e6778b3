package customers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/internal/upstream"
)

const (
	// maxRaces bounds how often a lost race for an item is run again. Of all who race for one, one wins each time.
	maxRaces = 100
	// Pauses between races, of which each runner waits a random part.
	firstPause, longestPause = 5 * time.Millisecond, 200 * time.Millisecond
)

// The attributes of a customer's own item, beside its key. They are no members of FactsAttribute, because DynamoDB adds to a set
// in a map only where there is the map; and both kinds of items may be one, if a user's ID looks like a customer's.
const (
	usersAttribute   = "billing_portal_users"   // string set: who claims the customer by a Checkout Session
	deletedAttribute = "billing_portal_deleted" // true
)

// ErrRace means that others changed an item faster, again and again. Nothing was lost: the same change may be tried again.
var ErrRace = errors.New("customers: the item was changed by others each time")

// API are the calls of DynamoDB that writing needs.
type API interface {
	GetItemAPI
	UpdateItem(ctx context.Context, input *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
}

// Writer joins facts into the items of a table. It is safe for concurrent use, in as many processes as there are: whatever the
// order in which changes come, and however often, the items are the same in the end.
type Writer struct {
	Client API
	Table  Table
	// Pause waits between races for an item; nil means a timer that ends with ctx.
	Pause func(ctx context.Context, d time.Duration) error
}

// Apply makes a change to all items that it is about, or returns an error; then it may be half done, and is to be applied
// again. Facts of users whom no key of the table can name are nobody's, and left out. An item that holds something else than it
// should ends the change of that item alone. Its errors are [ErrMalformed], [ErrMalformedFacts], [ErrRace], [*upstream.Error]
// and ctx's own.
//
// A deletion names a user only where the customer's metadata does, and may come before the claim that it ends. So a claim by a
// Checkout Session and a deletion first leave word in the customer's own item, each by one atomic update that tells what was
// there: whichever comes second sees the other.
func (w *Writer) Apply(ctx context.Context, change Change) (Outcome, error) {
	change.Facts = slices.DeleteFunc(slices.Clone(change.Facts), func(f Fact) bool { return !w.Table.holds(f.User) })
	run := &application{Writer: w}
	isNew, err := run.leaveWord(ctx, &change)
	if err != nil {
		return run.outcome, err
	}
	users, states := change.byUser()
	var malformed error
	for _, user := range users {
		state, changed, err := run.join(ctx, user, states[user])
		if errors.Is(err, ErrMalformed) || errors.Is(err, ErrMalformedFacts) {
			malformed = err // which is no other user's fault, and will not be better in a moment
			continue
		}
		if err != nil {
			return run.outcome, err
		}
		isNew = isNew || changed
		run.outcome.note(change, user, state)
		if counting := state.Counting(); change.claims(user) && len(counting) > 1 {
			run.outcome.Effect, run.outcome.Counting = Conflict, counting
		}
	}
	if malformed != nil {
		return run.outcome, malformed
	}
	if run.outcome.Effect == "" {
		run.outcome.Effect = effectOf(change, isNew)
	}
	return run.outcome, nil
}

func effectOf(change Change, isNew bool) Effect {
	switch {
	case !isNew:
		return Unchanged
	case change.Deleted != "":
		return Deleted
	case change.claims(""):
		return Claimed
	}
	return Released
}

// application is one change on its way into the table.
type application struct {
	*Writer
	outcome Outcome
}

// leaveWord updates the customer's own item, where the change asks for it, and completes the change by what was there.
func (a *application) leaveWord(ctx context.Context, change *Change) (isNew bool, err error) {
	switch {
	case change.Deleted != "":
		users, wasDeleted, err := a.markDeleted(ctx, change.Deleted)
		for _, user := range users {
			change.Facts = append(change.Facts, Fact{User: user, Customer: change.Deleted, Facts: Facts{Deleted: true}})
		}
		return !wasDeleted, err
	case change.Checkout != "" && len(change.Facts) > 0: // a set without elements is none
		users, _ := change.byUser()
		isDeleted, err := a.addUsers(ctx, change.Checkout, users)
		for i := range change.Facts {
			change.Facts[i].Deleted = change.Facts[i].Deleted || isDeleted
		}
		return false, err
	}
	return false, nil
}

func (a *application) addUsers(ctx context.Context, customer string, users []string) (isDeleted bool, err error) {
	e := newExpression()
	old, err := a.update(ctx, customer, &dynamodb.UpdateItemInput{
		UpdateExpression:          aws.String("ADD " + e.path(usersAttribute) + " " + e.value(&types.AttributeValueMemberSS{Value: users})),
		ExpressionAttributeNames:  e.names,
		ExpressionAttributeValues: e.values,
		ReturnValues:              types.ReturnValueAllOld,
	})
	if err != nil {
		return false, err
	}
	return isMarked(old), nil
}

func (a *application) markDeleted(ctx context.Context, customer string) (users []string, wasDeleted bool, err error) {
	e := newExpression()
	old, err := a.update(ctx, customer, &dynamodb.UpdateItemInput{
		UpdateExpression:          aws.String("SET " + e.path(deletedAttribute) + " = " + e.value(&types.AttributeValueMemberBOOL{Value: true})),
		ExpressionAttributeNames:  e.names,
		ExpressionAttributeValues: e.values,
		ReturnValues:              types.ReturnValueAllOld,
	})
	if err != nil {
		return nil, false, err
	}
	if set, ok := old[usersAttribute].(*types.AttributeValueMemberSS); ok {
		users = slices.Sorted(slices.Values(set.Value))
	}
	return users, isMarked(old), nil
}

func isMarked(item map[string]types.AttributeValue) bool {
	mark, ok := item[deletedAttribute].(*types.AttributeValueMemberBOOL)
	return ok && mark.Value
}

// join joins facts into the item of a user, and returns what is known then.
func (a *application) join(ctx context.Context, user string, facts State) (joined State, changed bool, err error) {
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
		joined := found.state.Join(facts).trimmed()
		if maps.Equal(joined, found.state) && joined.Customer() == found.customer.id {
			return joined, false, nil
		}
		_, err = a.update(ctx, user, a.Table.replacing(found, joined))
		var lost *types.ConditionalCheckFailedException
		if errors.As(err, &lost) {
			continue
		}
		return joined, err == nil, err
	}
	return nil, false, ErrRace
}

// pause waits for a random part of a time that doubles with each race that was lost.
func (a *application) pause(ctx context.Context, race int) error {
	longest := min(firstPause<<min(race, 10), longestPause)
	wait := a.Pause
	if wait == nil {
		wait = pause
	}
	return wait(ctx, rand.N(longest)) //nolint:gosec // who waits for how long is no secret
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for an item: %w", ctx.Err())
	}
}

// read reads what is known of a user.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html
func (a *application) read(ctx context.Context, user string) (found, error) {
	key, _ := a.Table.keyOf(user)
	e := newExpression()
	projection := e.path(FactsAttribute) + ", " + e.path(a.Table.path()[0])
	a.outcome.Calls++
	output, err := a.Client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:                a.Table.name(),
		Key:                      key,
		ConsistentRead:           aws.Bool(true),
		ProjectionExpression:     aws.String(projection),
		ExpressionAttributeNames: e.names,
	})
	if err != nil {
		return found{}, fmt.Errorf("read the facts: %w", upstream.FromAWS("dynamodb", err))
	}
	return a.Table.read(output.Item)
}

// update updates the item of a user or a customer, and returns what the input asks for.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
func (a *application) update(ctx context.Context, id string, input *dynamodb.UpdateItemInput) (map[string]types.AttributeValue, error) {
	key, _ := a.Table.keyOf(id)
	input.TableName, input.Key = a.Table.name(), key
	a.outcome.Calls++
	output, err := a.Client.UpdateItem(ctx, input)
	var lost *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &lost):
		return nil, err //nolint:wrapcheck // the caller runs again
	case err != nil:
		return nil, fmt.Errorf("write the facts: %w", upstream.FromAWS("dynamodb", err))
	}
	return output.Attributes, nil
}
