package customers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

type attributes = map[string]types.AttributeValue

// A fakeTable is a DynamoDB table for one goroutine at a time. It supports only the expressions
// that the writer sends. Other tests check their meaning with DynamoDB Local.
type fakeTable struct {
	keys  []string // attributes of the key
	items map[string]attributes
	calls []string // "GetItem", "UpdateItem"
}

func newFakeTable(t Table) *fakeTable {
	return &fakeTable{keys: []string{t.Key, t.SortKey}, items: map[string]attributes{}}
}

func (f *fakeTable) id(key attributes) string {
	var id []string
	for _, name := range f.keys {
		if name != "" {
			id = append(id, key[name].(*types.AttributeValueMemberS).Value)
		}
	}
	return strings.Join(id, "\x00")
}

func (f *fakeTable) GetItem(_ context.Context, input *dynamodb.GetItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	f.calls = append(f.calls, "GetItem")
	if input.ConsistentRead == nil || !*input.ConsistentRead {
		return nil, errors.New("an eventually consistent read")
	}
	item := f.items[f.id(input.Key)]
	projected := attributes{}
	for name := range strings.SplitSeq(*input.ProjectionExpression, ", ") {
		name = input.ExpressionAttributeNames[name]
		if value, ok := item[name]; ok {
			projected[name] = clone(value)
		}
	}
	return &dynamodb.GetItemOutput{Item: projected}, nil
}

func (f *fakeTable) UpdateItem(_ context.Context, input *dynamodb.UpdateItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	f.calls = append(f.calls, "UpdateItem")
	for _, value := range input.ExpressionAttributeValues {
		if set, ok := value.(*types.AttributeValueMemberSS); ok && len(set.Value) == 0 {
			return nil, &smithy.GenericAPIError{Code: "ValidationException", Message: "An string set  may not be empty"}
		}
	}
	old, exists := f.items[f.id(input.Key)]
	e := evaluation{input.ExpressionAttributeNames, input.ExpressionAttributeValues, attributes{}}
	for name, value := range old {
		e.item[name] = clone(value)
	}
	if input.ConditionExpression != nil {
		for condition := range strings.SplitSeq(*input.ConditionExpression, " AND ") {
			if !e.holds(condition) {
				lost := &types.ConditionalCheckFailedException{}
				if input.ReturnValuesOnConditionCheckFailure == types.ReturnValuesOnConditionCheckFailureAllOld {
					lost.Item = old
				}
				return nil, lost
			}
		}
	}
	maps.Copy(e.item, input.Key)
	if err := e.update(*input.UpdateExpression); err != nil {
		return nil, err
	}
	if size(e.item) > 400<<10 {
		return nil, &smithy.GenericAPIError{Code: "ValidationException",
			Message: "Item size to update has exceeded the maximum allowed size"}
	}
	f.items[f.id(input.Key)] = e.item
	if input.ReturnValues == types.ReturnValueAllOld && exists {
		return &dynamodb.UpdateItemOutput{Attributes: old}, nil
	}
	return &dynamodb.UpdateItemOutput{}, nil
}

type evaluation struct {
	names  map[string]string
	values attributes
	item   attributes
}

// parent returns the map that holds a path's last member, and the name of that member.
func (e evaluation) parent(path string) (attributes, string) {
	members := e.item
	names := strings.Split(path, ".")
	for _, said := range names[:len(names)-1] {
		next, ok := members[e.names[said]].(*types.AttributeValueMemberM)
		if !ok {
			return nil, ""
		}
		members = next.Value
	}
	return members, e.names[names[len(names)-1]]
}

func (e evaluation) at(path string) types.AttributeValue {
	members, name := e.parent(path)
	return members[name]
}

func (e evaluation) holds(condition string) bool {
	if path, ok := cutAround(condition, "attribute_not_exists(", ")"); ok {
		return e.at(path) == nil
	}
	if arguments, ok := cutAround(condition, "attribute_type(", ")"); ok {
		path, value, _ := strings.Cut(arguments, ", ")
		_, isMap := e.at(path).(*types.AttributeValueMemberM)
		return isMap && e.values[value].(*types.AttributeValueMemberS).Value == "M"
	}
	if alternatives, ok := cutAround(condition, "(", ")"); ok {
		return slices.ContainsFunc(strings.Split(alternatives, " OR "), e.holds)
	}
	if rest, ok := strings.CutPrefix(condition, "size("); ok {
		path, value, _ := strings.Cut(rest, ") < ")
		set, isSet := e.at(path).(*types.AttributeValueMemberSS)
		limit, _ := strconv.Atoi(e.values[value].(*types.AttributeValueMemberN).Value)
		return isSet && len(set.Value) < limit
	}
	path, value, ok := strings.Cut(condition, " = ")
	if !ok {
		panic("a condition that the fake does not know: " + condition)
	}
	return reflect.DeepEqual(e.at(path), e.values[value])
}

func (e evaluation) update(expression string) error {
	if addition, ok := strings.CutPrefix(expression, "ADD "); ok {
		path, value, _ := strings.Cut(addition, " ")
		members, name := e.parent(path)
		set, _ := members[name].(*types.AttributeValueMemberSS)
		if set == nil {
			set = &types.AttributeValueMemberSS{}
		}
		for _, element := range e.values[value].(*types.AttributeValueMemberSS).Value {
			if !slices.Contains(set.Value, element) {
				set.Value = append(set.Value, element)
			}
		}
		slices.Sort(set.Value)
		members[name] = set
		return nil
	}
	expression, deletion, deletes := strings.Cut(" "+expression, " DELETE ")
	if deletes {
		path, value, _ := strings.Cut(deletion, " ")
		members, name := e.parent(path)
		if set, ok := members[name].(*types.AttributeValueMemberSS); ok {
			gone := slices.Sorted(slices.Values(e.values[value].(*types.AttributeValueMemberSS).Value))
			if set.Value = slices.DeleteFunc(set.Value,
				func(s string) bool { _, isGone := slices.BinarySearch(gone, s); return isGone }); len(set.Value) == 0 {
				delete(members, name)
			}
		}
	}
	sets, isSet := strings.CutPrefix(expression, " SET ")
	if !isSet {
		return nil
	}
	sets, removal, removes := strings.Cut(sets, " REMOVE ")
	for set := range strings.SplitSeq(sets, ", ") {
		path, value, _ := strings.Cut(set, " = ")
		members, name := e.parent(path)
		if members == nil {
			return fmt.Errorf("the document path of %q is invalid", set)
		}
		members[name] = clone(e.values[value])
	}
	if removes {
		members, name := e.parent(removal)
		delete(members, name)
	}
	return nil
}

func cutAround(s, before, after string) (string, bool) {
	s, hasBefore := strings.CutPrefix(s, before)
	s, hasAfter := strings.CutSuffix(s, after)
	return s, hasBefore && hasAfter
}

// size returns the size of an item as DynamoDB counts it, in bytes, or a little more.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func size(item attributes) int {
	total := 0
	for name, value := range item {
		total += len(name) + sizeOf(value)
	}
	return total
}

func sizeOf(value types.AttributeValue) int {
	switch value := value.(type) {
	case *types.AttributeValueMemberS:
		return len(value.Value)
	case *types.AttributeValueMemberN: // a byte for two digits, one for the exponent, one for the sign
		return len(value.Value)/2 + 3
	case *types.AttributeValueMemberSS:
		return len(strings.Join(value.Value, ""))
	case *types.AttributeValueMemberM:
		return 3 + len(value.Value) + size(value.Value)
	}
	return 1
}

// clone copies a value, so that callers cannot change the table's items.
func clone(value types.AttributeValue) types.AttributeValue {
	switch value := value.(type) {
	case *types.AttributeValueMemberM:
		members := attributes{}
		for name, member := range value.Value {
			members[name] = clone(member)
		}
		return &types.AttributeValueMemberM{Value: members}
	case *types.AttributeValueMemberSS:
		return &types.AttributeValueMemberSS{Value: slices.Clone(value.Value)}
	}
	return value
}
