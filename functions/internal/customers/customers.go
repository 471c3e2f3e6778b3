// Package customers maps a user to the Stripe customer who pays for them.
//
// The mapping is one item for each user in a DynamoDB table: the partition key
// is the user's ID, one string attribute is the customer's. Both names are the
// operator's, so that a table of users that exists already can serve.
package customers

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"billingportal/functions/internal/upstream"
)

var (
	// ErrNoCustomer means that the user has no item, or an item without a customer.
	ErrNoCustomer = errors.New("customers: the user has no Stripe customer")

	// ErrMalformed means that the attribute holds something other than a
	// customer ID: CUSTOMERS_ATTRIBUTE names the wrong attribute, or the data is wrong.
	ErrMalformed = errors.New("customers: the attribute does not hold a Stripe customer ID")
)

// idPattern is the form of a Stripe customer ID, which has at most maxIDLength
// characters. The bound is not in the pattern: it would be compiled into as many
// steps at every start.
var idPattern = regexp.MustCompile(`^cus_[A-Za-z0-9_]+$`)

const maxIDLength = 255

// GetItemAPI is the one call of DynamoDB that a lookup needs.
type GetItemAPI interface {
	GetItem(ctx context.Context, input *dynamodb.GetItemInput, options ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
}

// Store looks customers up in a DynamoDB table.
type Store struct {
	Client    GetItemAPI
	Table     string // name or ARN
	Key       string // partition key, a string
	Attribute string // attribute with the customer ID
}

// CustomerID returns the Stripe customer ID of a user.
//
// It reads with strong consistency: a user who has just subscribed must not be
// told that they have no billing account. Its errors are [ErrNoCustomer],
// [ErrMalformed] and [*upstream.Error].
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html
func (s *Store) CustomerID(ctx context.Context, userID string) (string, error) {
	output, err := s.Client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:                aws.String(s.Table),
		Key:                      map[string]types.AttributeValue{s.Key: &types.AttributeValueMemberS{Value: userID}},
		ConsistentRead:           aws.Bool(true),
		ProjectionExpression:     aws.String("#customer"),
		ExpressionAttributeNames: map[string]string{"#customer": s.Attribute},
	})
	if err != nil {
		return "", fmt.Errorf("look up the customer: %w", upstream.FromAWS("dynamodb", err))
	}
	value, present := output.Item[s.Attribute]
	if !present {
		return "", ErrNoCustomer
	}
	switch attribute := value.(type) {
	case *types.AttributeValueMemberNULL:
		return "", ErrNoCustomer
	case *types.AttributeValueMemberS:
		if attribute.Value == "" {
			return "", ErrNoCustomer
		}
		if len(attribute.Value) <= maxIDLength && idPattern.MatchString(attribute.Value) {
			return attribute.Value, nil
		}
	}
	return "", ErrMalformed
}
