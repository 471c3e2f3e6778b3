package customers

import (
	"errors"
	"maps"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// FactsAttribute is the attribute of a user's item that holds the facts: a map by customer ID, in
// which each value is a map with
//
//	metadata   number, seconds   the latest claim by metadata
//	reference  number, seconds   the earliest claim by reference
//	released   number, seconds   the latest release
//	deleted    true
//
// Members with other names belong to a newer version, which runs next to this one while traffic
// shifts, or ran before a rollback. They are left unchanged.
const FactsAttribute = "billing_portal"

// ErrMalformedFacts means that the attribute billing_portal of an item was not written by this
// package.
var ErrMalformedFacts = errors.New("customers: the attribute billing_portal does not hold facts")

// encode returns the new value of FactsAttribute. It keeps the members of the old value that this
// version does not know.
func (s State) encode(old types.AttributeValue) types.AttributeValue {
	was := membersOf(old)
	customers := map[string]types.AttributeValue{}
	for customer, facts := range s {
		members := maps.Clone(membersOf(was[customer]))
		if members == nil {
			members = map[string]types.AttributeValue{}
		}
		for name, t := range facts.times() {
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

// times returns the facts that are times, by their names in an item.
func (f *Facts) times() map[string]*Time {
	return map[string]*Time{"metadata": &f.Metadata, "reference": &f.Reference, "released": &f.Released}
}

func membersOf(value types.AttributeValue) map[string]types.AttributeValue {
	if object, ok := value.(*types.AttributeValueMemberM); ok {
		return object.Value
	}
	return nil
}

// decodeState reads the value of FactsAttribute; nil means no facts.
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
	for name, t := range facts.times() {
		value, present := members[name]
		if !present {
			continue
		}
		number, ok := value.(*types.AttributeValueMemberN)
		if !ok {
			return Facts{}, ErrMalformedFacts
		}
		seconds, err := strconv.ParseInt(number.Value, 10, 64)
		if err != nil {
			return Facts{}, ErrMalformedFacts
		}
		*t = At(seconds)
	}
	if value, present := members["deleted"]; present {
		deleted, ok := value.(*types.AttributeValueMemberBOOL)
		if !ok {
			return Facts{}, ErrMalformedFacts
		}
		facts.Deleted = deleted.Value
	}
	return facts, nil
}
