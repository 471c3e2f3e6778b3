package expression

import (
	"maps"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

// ParseProjection returns the paths in a ProjectionExpression, for [Project]. It returns nil
// without an expression. names are the ExpressionAttributeNames of the request. ParseProjection
// returns an error if one of them is unused.
func ParseProjection(expression *string, names map[string]string) ([]Path, error) {
	placeholders, err := newPlaceholders(names, nil, expressions{"ProjectionExpression": expression})
	if err != nil {
		return nil, err
	}
	p, err := newParser("ProjectionExpression", expression, placeholders)
	if p == nil {
		return nil, err
	}
	var paths []Path
	for more := true; more; more = p.accept(",") {
		parsed, err := p.path()
		if err != nil {
			return nil, err
		}
		paths = append(paths, parsed)
	}
	if p.peek() != "" {
		return nil, p.syntaxError()
	}
	if err := p.disjoint(paths); err != nil {
		return nil, err
	}
	return paths, placeholders.checkUsed()
}

// Project returns the item reduced to paths, or the whole item without paths.
func Project(item map[string]attribute.Value, paths []Path) map[string]attribute.Value {
	if paths == nil {
		return item
	}
	kept := map[string]attribute.Value{}
	for _, path := range paths {
		if value, ok := path.in(item); ok {
			kept = merged(kept, path, value)
		}
	}
	return kept
}

// merged returns members with value at the end of a path, and with the maps that lead to it.
func merged(members map[string]attribute.Value, p Path, value attribute.Value) map[string]attribute.Value {
	members = maps.Clone(members)
	if members == nil {
		members = map[string]attribute.Value{}
	}
	if len(p) > 1 {
		inner, _ := members[p[0]].Content.(map[string]attribute.Value)
		value = attribute.Value{Kind: "M", Content: merged(inner, p[1:], value)}
	}
	members[p[0]] = value
	return members
}
