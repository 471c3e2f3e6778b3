// Package customers maps a user to the Stripe customer who pays for them. Its input is a user ID,
// or facts about users and customers; its output is a customer ID, or a changed item.
//
// The mapping is one item for each user in a DynamoDB table. The operator chooses the table, the
// key and the attribute ([Table]), so that an existing table can be used.
//
// [Store] reads the mapping. The mapping follows from [Facts], which arrive in any order and more
// than once; [Writer] joins them into the items.
package customers

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"billingportal/functions/internal/upstream"
)

var (
	// ErrNoCustomer means that the user has no item, or an item without a customer.
	ErrNoCustomer = errors.New("customers: the user has no Stripe customer")

	// ErrMalformed means that the attribute holds something other than a customer ID:
	// CUSTOMERS_ATTRIBUTE names the wrong attribute, or the data is wrong.
	ErrMalformed = errors.New("customers: the attribute does not hold a Stripe customer ID")
)

// GetItemAPI is the DynamoDB call that a lookup needs.
type GetItemAPI interface {
	GetItem(ctx context.Context, input *dynamodb.GetItemInput,
		options ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
}

// Store looks up customers in a DynamoDB table.
type Store struct {
	Client GetItemAPI
	Table  Table
}

// CustomerID returns the Stripe customer ID of a user.
//
// It reads with strong consistency, because a user who has just subscribed must not be told that
// they have no billing account. Its errors are [ErrNoCustomer], [ErrMalformed] and
// [*upstream.Error].
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html
func (s *Store) CustomerID(ctx context.Context, userID string) (string, error) {
	key, ok := s.Table.keyOf(userID)
	if !ok {
		return "", ErrNoCustomer
	}
	// DynamoDB returns nothing for an invalid path, so read the whole top-level attribute.
	projection := newExpression()
	outermost := projection.path(s.Table.path()[0])
	output, err := s.Client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:                s.Table.name(),
		Key:                      key,
		ConsistentRead:           aws.Bool(true),
		ProjectionExpression:     aws.String(outermost),
		ExpressionAttributeNames: projection.names,
	})
	if err != nil {
		return "", fmt.Errorf("look up the customer: %w", upstream.FromAWS(upstream.DynamoDB, err))
	}
	found, err := s.Table.find(output.Item)
	switch {
	case err != nil:
		return "", err
	case found.id == "":
		return "", ErrNoCustomer
	}
	return found.id, nil
}
