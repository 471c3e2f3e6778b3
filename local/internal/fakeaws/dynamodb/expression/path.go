package expression

import (
	"maps"
	"strings"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

// Path leads to a value in an item: the name of an attribute, followed by the names of map members.
type Path []string

// String returns the path in the format of DynamoDB errors.
func (p Path) String() string { return "[" + strings.Join(p, ", ") + "]" }

// in returns the value at the path.
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

// change returns the new value at a path, given the old one if present. It returns false to remove
// the value.
type change func(value attribute.Value, present bool) (attribute.Value, bool, error)

// changed returns a copy of the item with the value at the path changed. It does not modify the
// item, because other goroutines may be reading it.
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
