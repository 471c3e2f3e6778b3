package params

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"billingportal/functions/internal/problem"
)

// ParseForm reads a form or a query string in Stripe's bracket names:
// flow_data[subscription_update_confirm][items][0][price]=price_1.
func ParseForm(body string) (Input, error) {
	in := Input{tree: node{kind: object}}
	names := 0
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue // as url.ParseQuery does
		}
		if names++; names > maxNames {
			return in, errTooManyNames
		}
	}
	values, err := url.ParseQuery(body)
	if err != nil {
		return in, &problem.Problem{Code: problem.InvalidRequest, Detail: "The form is malformed."}
	}
	in.Tokens = values["access_token"]
	delete(values, "access_token")
	in.Form = values
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		if len(value) > 1 {
			return in, invalid(name, "The parameter is given more than once.")
		}
		if strings.Count(name, "[") >= maxDepth {
			return in, errTooDeep
		}
		path, ok := splitName(name)
		if !ok {
			return in, unknown(name)
		}
		if !in.tree.insert(path, value[0]) {
			return in, invalid(name, "The parameter has both a value and members.")
		}
	}
	return in, nil
}

// splitName splits a[b][0] into a, b and 0.
func splitName(name string) ([]string, bool) {
	first, rest, nested := strings.Cut(name, "[")
	if !nested {
		return []string{first}, first != "" && !strings.Contains(first, "]")
	}
	rest, closed := strings.CutSuffix(rest, "]")
	if !closed {
		return nil, false
	}
	path := append([]string{first}, strings.Split(rest, "][")...)
	return path, !slices.ContainsFunc(path, func(part string) bool {
		return part == "" || strings.ContainsAny(part, "[]")
	})
}

// insert puts a value at a path below n. It reports false if the path is taken: a value cannot have
// members, and an object cannot have a value.
func (n *node) insert(path []string, value string) bool {
	if n.kind != object {
		return false
	}
	if n.members == nil {
		n.members = map[string]node{}
	}
	child, exists := n.members[path[0]]
	if len(path) == 1 {
		n.members[path[0]] = node{kind: text, text: value, isForm: true}
		return !exists
	}
	if !exists {
		child = node{kind: object, isForm: true}
	}
	ok := child.insert(path[1:], value)
	n.members[path[0]] = child
	return ok
}

// elements returns the elements of a list. In a form, they are members named 0, 1, 2 and so on.
func (n node) elements() ([]node, bool) {
	if n.kind == list {
		return n.items, true
	}
	if n.kind != object || !n.isForm {
		return nil, false
	}
	items := make([]node, len(n.members))
	for i := range items {
		item, ok := n.members[strconv.Itoa(i)]
		if !ok {
			return nil, false
		}
		items[i] = item
	}
	return items, true
}
