package expression

import (
	"maps"
	"strings"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

// Path leads into an item: the name of an attribute, then of members of maps.
type Path []string

// String is how errors of DynamoDB write a path.
func (p Path) String() string { return "[" + strings.Join(p, ", ") + "]" }

// in finds what a path leads to.
func (p Path) in(item map[string]attribute.Value) (attribute.Value, bool) {
	value, ok := item[p[0]]
	if len(p) == 1 || !ok {
		return value, ok
	}
	members, ok := value.Content.(map[string]attribute.Value)
	if !ok {
		return attribute.Value{}, false
	}
	return p[1:].in(members)
}

// change makes a value out of the one that is there, if there is one; false
// leaves none.
type change func(value attribute.Value, present bool) (attribute.Value, bool, error)

// changed returns an item with the end of the path changed. The item itself
// stays as it is, because somebody may be reading it.
func (p Path) changed(item map[string]attribute.Value, change change) (map[string]attribute.Value, error) {
	copied := maps.Clone(item)
	value, present := item[p[0]]
	if len(p) > 1 {
		members, ok := value.Content.(map[string]attribute.Value)
		if !ok {
			return nil, attribute.ValidationException("The document path provided in the update expression is " +
				"invalid for update")
		}
		members, err := p[1:].changed(members, change)
		copied[p[0]] = attribute.Value{Kind: "M", Content: members}
		return copied, err
	}
	value, keep, err := change(value, present)
	if keep {
		copied[p[0]] = value
	} else {
		delete(copied, p[0])
	}
	return copied, err
}
