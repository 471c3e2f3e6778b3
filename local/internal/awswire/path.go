package awswire

import (
	"maps"
	"strings"
)

// path leads into an item: the name of an attribute, then of members of maps.
type path []string

// String is how errors of DynamoDB write a path.
func (p path) String() string { return "[" + strings.Join(p, ", ") + "]" }

// in finds what a path leads to.
func (p path) in(item map[string]attribute) (attribute, bool) {
	value, ok := item[p[0]]
	if len(p) == 1 || !ok {
		return value, ok
	}
	members, ok := value.value.(map[string]attribute)
	if !ok {
		return attribute{}, false
	}
	return p[1:].in(members)
}

// change makes a value out of the one that is there, if there is one; false
// leaves none.
type change func(value attribute, present bool) (attribute, bool, error)

// changed returns an item with the end of the path changed. The item itself
// stays as it is, because somebody may be reading it.
func (p path) changed(item map[string]attribute, change change) (map[string]attribute, error) {
	copied := maps.Clone(item)
	value, present := item[p[0]]
	if len(p) > 1 {
		members, ok := value.value.(map[string]attribute)
		if !ok {
			return nil, invalid("The document path provided in the update expression is invalid for update")
		}
		members, err := p[1:].changed(members, change)
		copied[p[0]] = attribute{"M", members}
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
