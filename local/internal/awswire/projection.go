package awswire

import "maps"

// parseProjection returns the paths that a ProjectionExpression names, or nil
// where there is none.
func parseProjection(expression *string, placeholders *placeholders) ([]path, error) {
	p, err := newParser("ProjectionExpression", expression, placeholders)
	if p == nil {
		return nil, err
	}
	var paths []path
	for {
		parsed, err := p.path()
		if err != nil {
			return nil, err
		}
		paths = append(paths, parsed)
		if p.peek() == "" {
			return paths, p.disjoint(paths)
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

// project keeps what the paths lead to, or everything where none are named.
func project(item map[string]attribute, paths []path) map[string]attribute {
	if paths == nil {
		return item
	}
	kept := map[string]attribute{}
	for _, path := range paths {
		if value, ok := path.in(item); ok {
			kept = merged(kept, path, value)
		}
	}
	return kept
}

// merged returns members with a value at the end of a path, and the maps that
// lead to it.
func merged(members map[string]attribute, p path, value attribute) map[string]attribute {
	members = maps.Clone(members)
	if members == nil {
		members = map[string]attribute{}
	}
	if len(p) > 1 {
		inner, _ := members[p[0]].value.(map[string]attribute)
		value = attribute{"M", merged(inner, p[1:], value)}
	}
	members[p[0]] = value
	return members
}
