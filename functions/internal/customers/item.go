package customers

import (
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// FactsAttribute is the attribute of a user's item that holds the facts: a map of customers' IDs, each with a map of
//
//	metadata   number, seconds   the latest claim by metadata
//	reference  number, seconds   the earliest claim by reference
//	released   number, seconds   the latest release
//	deleted    true
const FactsAttribute = "billing_portal"

// ErrMalformedFacts means that the attribute billing_portal of an item is not what this package wrote.
var ErrMalformedFacts = errors.New("customers: the attribute billing_portal does not hold facts")

// encode returns the value of FactsAttribute.
func (s State) encode() types.AttributeValue {
	customers := map[string]types.AttributeValue{}
	for customer, facts := range s {
		members := map[string]types.AttributeValue{}
		for name, t := range map[string]Time{"metadata": facts.Metadata, "reference": facts.Reference, "released": facts.Released} {
			if t.known {
				members[name] = &types.AttributeValueMemberN{Value: strconv.FormatInt(t.seconds, 10)}
			}
		}
		if facts.Deleted {
			members["deleted"] = &types.AttributeValueMemberBOOL{Value: true}
		}
		customers[customer] = &types.AttributeValueMemberM{Value: members}
	}
	return &types.AttributeValueMemberM{Value: customers}
}

// decodeState reads the value of FactsAttribute; nil is no facts.
func decodeState(value types.AttributeValue) (State, error) {
	state := State{}
	if value == nil {
		return state, nil
	}
	customers, ok := value.(*types.AttributeValueMemberM)
	if !ok {
		return nil, ErrMalformedFacts
	}
	for customer, value := range customers.Value {
		members, ok := value.(*types.AttributeValueMemberM)
		if !ok || !IsID(customer) {
			return nil, ErrMalformedFacts
		}
		facts, err := decodeFacts(members.Value)
		if err != nil {
			return nil, err
		}
		state[customer] = facts
	}
	return state, nil
}

func decodeFacts(members map[string]types.AttributeValue) (Facts, error) {
	var facts Facts
	for name, value := range members {
		switch value := value.(type) {
		case *types.AttributeValueMemberN:
			seconds, err := strconv.ParseInt(value.Value, 10, 64)
			into := map[string]*Time{"metadata": &facts.Metadata, "reference": &facts.Reference, "released": &facts.Released}[name]
			if err != nil || into == nil {
				return Facts{}, ErrMalformedFacts
			}
			*into = At(seconds)
		case *types.AttributeValueMemberBOOL:
			if name != "deleted" {
				return Facts{}, ErrMalformedFacts
			}
			facts.Deleted = value.Value
		default:
			return Facts{}, ErrMalformedFacts
		}
	}
	return facts, nil
}
