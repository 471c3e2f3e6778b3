package customers

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/internal/upstream"
)

// A customer's own item connects deletions with claims. A deletion names a user only if the
// customer's metadata does, and it may come before the claim that it ends. So a new claim adds its
// user to this item before it is joined into the user's item, and a deletion marks this item before
// it is joined into the items of the users. Both are single updates, which DynamoDB executes one
// after the other: either the deletion finds the user, or the claim finds the mark.
//
// A deletion removes each user whose item has the deletion. A claim that finds the mark adds no
// user. So in the end the item has no users, whatever the order.
//
// An item that an older version wrote has only the users of Checkout Sessions, but any number of
// them: all of them are reached, and the item only becomes shorter. A claim by a customer's
// metadata that an older version joined is missing from the item until its time changes. A deletion
// reaches that user if the customer's metadata still names them, as in that version. Otherwise
// `import --verify --fix` corrects the mapping.
//
// A mapping that was written by hand is a new claim for the first change that writes its item.

// The attributes of a customer's own item, next to its key. They are top-level attributes and not
// members of FactsAttribute, because DynamoDB adds to a set in a map only if the map exists.
const (
	usersAttribute   = "billing_portal_users"   // string set: users who claim the customer
	deletedAttribute = "billing_portal_deleted" // true
)

// noteClaim adds a user to a customer's own item if there is room. It reports whether the customer
// is deleted.
func (a *application) noteClaim(ctx context.Context, customer, user string) (isDeleted bool, err error) {
	if !a.Table.Holds(customer) {
		return false, nil
	}
	e := newExpression()
	users, deleted := e.path(usersAttribute), e.path(deletedAttribute)
	room := e.value(&types.AttributeValueMemberN{Value: strconv.Itoa(roomFor(user))})
	_, err = a.update(ctx, customer, &dynamodb.UpdateItemInput{
		UpdateExpression: aws.String("ADD " + users + " " +
			e.value(&types.AttributeValueMemberSS{Value: []string{user}})),
		ConditionExpression: aws.String("attribute_not_exists(" + deleted + ") AND " +
			"(attribute_not_exists(" + users + ") OR size(" + users + ") < " + room + ")"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ExpressionAttributeNames:            e.names,
		ExpressionAttributeValues:           e.values,
	})
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) { // it is deleted or full; the user may be in it already
		return isMarked(refused.Item), nil
	}
	return false, err
}

// delete marks a customer as deleted, and joins the deletion into the items of the users who claim
// it.
func (a *application) delete(ctx context.Context, change Change) (isNew bool, err error) {
	old, err := a.markDeleted(ctx, change.Deleted)
	if err != nil {
		return false, err
	}
	claimers := usersOf(old)
	for _, user := range claimers {
		if a.Table.Holds(user) {
			change.Facts = append(change.Facts, deletionOf(user, change.Deleted))
		}
	}
	most, cancel := mostOf(ctx)
	defer cancel()
	done, changed, err := a.joinAll(most, change)
	done = slices.DeleteFunc(done, func(user string) bool {
		_, isClaimer := slices.BinarySearch(claimers, user)
		return !isClaimer
	})
	if len(done) > 0 {
		err = errors.Join(err, a.forget(ctx, change.Deleted, done))
	}
	return changed || !isMarked(old), err
}

func deletionOf(user, customer string) Fact {
	return Fact{User: user, Customer: customer, Facts: Facts{Deleted: true}}
}

// mostOf returns a context with three quarters of the remaining time, so that an unfinished
// deletion can still remove the users who are done.
func mostOf(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, end.Add(-time.Until(end)/4))
}

// markDeleted marks a customer's own item, and returns the item as it was before.
func (a *application) markDeleted(ctx context.Context, customer string) (map[string]types.AttributeValue, error) {
	old, err := a.mark(ctx, customer, nil)
	var refused *upstream.Error
	if !errors.As(err, &refused) || refused.Reason != upstream.ValidationException {
		return old, err
	}
	// An older version filled items up to DynamoDB's limit. Some users must be removed to make room
	// for the mark.
	item, readErr := a.get(ctx, customer, usersAttribute)
	if readErr != nil {
		return nil, readErr
	}
	users := usersOf(item)
	if len(users) == 0 {
		return nil, err
	}
	first := Change{}
	for _, user := range users[:min(len(deletedAttribute)+1, len(users))] { // each user has at least one byte
		first.Facts = append(first.Facts, deletionOf(user, customer))
	}
	done, _, err := a.joinAll(ctx, first)
	if err != nil {
		return nil, err
	}
	return a.mark(ctx, customer, done)
}

// mark marks a customer as deleted, removes users to make room, and returns the item as it was
// before.
func (a *application) mark(ctx context.Context, customer string,
	without []string) (map[string]types.AttributeValue, error) {
	e := newExpression()
	update := "SET " + e.path(deletedAttribute) + " = " + e.value(&types.AttributeValueMemberBOOL{Value: true})
	if len(without) > 0 {
		update += " DELETE " + e.path(usersAttribute) + " " + e.value(&types.AttributeValueMemberSS{Value: without})
	}
	return a.update(ctx, customer, &dynamodb.UpdateItemInput{
		UpdateExpression:          aws.String(update),
		ExpressionAttributeNames:  e.names,
		ExpressionAttributeValues: e.values,
		ReturnValues:              types.ReturnValueAllOld,
	})
}

// forget removes users from a customer's own item.
func (a *application) forget(ctx context.Context, customer string, users []string) error {
	e := newExpression()
	_, err := a.update(ctx, customer, &dynamodb.UpdateItemInput{
		UpdateExpression: aws.String("DELETE " + e.path(usersAttribute) + " " +
			e.value(&types.AttributeValueMemberSS{Value: users})),
		ExpressionAttributeNames:  e.names,
		ExpressionAttributeValues: e.values,
	})
	return err
}

// usersOf returns the users in a customer's own item, in order.
func usersOf(item map[string]types.AttributeValue) []string {
	set, ok := item[usersAttribute].(*types.AttributeValueMemberSS)
	if !ok {
		return nil
	}
	return slices.Sorted(slices.Values(set.Value))
}

func isMarked(item map[string]types.AttributeValue) bool {
	mark, ok := item[deletedAttribute].(*types.AttributeValueMemberBOOL)
	return ok && mark.Value
}
