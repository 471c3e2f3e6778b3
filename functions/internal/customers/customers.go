// Package customers maps a user to the Stripe customer who pays for them.
//
// The mapping is one item for each user in a DynamoDB table. Where in the table, and where in the
// item, is the operator's to say ([Table]), so that a table that exists can serve.
//
// [Store] reads the mapping. What it is follows from [Facts], which come in any order and more than
// once; [Writer] joins them into the items.
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

	// ErrMalformed means that the attribute holds something other than a
	// customer ID: CUSTOMERS_ATTRIBUTE names the wrong attribute, or the data is wrong.
	ErrMalformed = errors.New("customers: the attribute does not hold a Stripe customer ID")
)

// GetItemAPI is the one call of DynamoDB that a lookup needs.
type GetItemAPI interface {
	GetItem(ctx context.Context, input *dynamodb.GetItemInput,
		options ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
}

// Store looks customers up in a DynamoDB table.
type Store struct {
	Client GetItemAPI
	Table  Table
}

// CustomerID returns the Stripe customer ID of a user.
//
// It reads with strong consistency: a user who has just subscribed must not be
// told that they have no billing account. Its errors are [ErrNoCustomer],
// [ErrMalformed] and [*upstream.Error].
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html
func (s *Store) CustomerID(ctx context.Context, userID string) (string, error) {
	key, ok := s.Table.keyOf(userID)
	if !ok {
		return "", ErrNoCustomer
	}
	// The whole of what the path leads through: of a way that is none, DynamoDB would say that
	// there is nothing at its end.
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
		return "", fmt.Errorf("look up the customer: %w", upstream.FromAWS("dynamodb", err))
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
