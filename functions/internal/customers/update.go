package customers

import (
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// found is this package's part of an item.
type found struct {
	state    State // the facts, and a mapping written by hand
	stored   State // only the facts
	facts    types.AttributeValue
	customer place
}

// read reads an item. A customer that does not follow from the facts was written by hand or by an
// app. It counts as claimed by metadata at time 0.
func (t Table) read(item map[string]types.AttributeValue) (found, error) {
	stored, err := decodeState(item[FactsAttribute])
	if err != nil {
		return found{}, err
	}
	state := stored
	customer, err := t.find(item)
	if err != nil {
		return found{}, err
	}
	if customer.id != "" && customer.id != state.Customer() {
		state = state.Join(State{customer.id: {Metadata: At(0)}})
	}
	return found{state, stored, item[FactsAttribute], customer}, nil
}

// holds reports whether the item already holds this state.
func (f found) holds(state State) bool {
	return maps.Equal(state, f.state) && state.Customer() == f.customer.id
}

// replacing returns an update that writes a state into an item, on condition that the item still
// has the content was. It changes only the facts and the customer, and creates missing maps around
// the customer.
func (t Table) replacing(was found, state State) *dynamodb.UpdateItemInput {
	e := newExpression()
	facts := e.path(FactsAttribute)
	conditions := []string{e.unchanged(facts, was.facts)}
	update := "SET " + facts + " = " + e.value(state.encode(was.facts))

	path, depth := t.path(), was.customer.depth
	place := e.path(path[:depth+1]...)
	conditions = append(conditions, e.unchanged(place, was.customer.value))
	if depth > 0 {
		conditions = append(conditions,
			"attribute_type("+e.path(path[:depth]...)+", "+e.value(&types.AttributeValueMemberS{Value: "M"})+")")
	}
	switch customer := state.Customer(); {
	case customer != "":
		update += ", " + place + " = " + e.value(wrapped(path[depth+1:], customer))
	case was.customer.id != "":
		update += " REMOVE " + place
	}
	return &dynamodb.UpdateItemInput{
		UpdateExpression:          aws.String(update),
		ConditionExpression:       aws.String(strings.Join(conditions, " AND ")),
		ExpressionAttributeNames:  e.names,
		ExpressionAttributeValues: e.values,
	}
}

// unchanged returns the condition that a path still holds a value, or still holds none if value is
// nil.
func (e *expression) unchanged(path string, value types.AttributeValue) string {
	if value == nil {
		return "attribute_not_exists(" + path + ")"
	}
	return path + " = " + e.value(value)
}

// wrapped returns text inside nested maps of one member each.
func wrapped(path []string, text string) types.AttributeValue {
	var value types.AttributeValue = &types.AttributeValueMemberS{Value: text}
	for i := len(path) - 1; i >= 0; i-- {
		value = &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{path[i]: value}}
	}
	return value
}
