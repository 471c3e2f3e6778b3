package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// node is a parameter in the tree that Stripe's bracket names describe: a value, or named or
// numbered children.
type node struct {
	name     string // the full bracket name, for errors
	value    string
	children map[string]*node // nil for a value
}

// parseForm parses "a[b][0][c]=v&…". If a name is repeated, the last value counts, as at Stripe.
func parseForm(form string) (*node, *apiError) {
	values, err := url.ParseQuery(form)
	if err != nil {
		return nil, invalid("", "", "Invalid request: the parameters are not form-encoded")
	}
	root := &node{children: make(map[string]*node)}
	for name, all := range values {
		if problem := root.set(name, all[len(all)-1]); problem != nil {
			return nil, problem
		}
	}
	return root, nil
}

func (n *node) set(name, value string) *apiError {
	first, rest, _ := strings.Cut(name, "[")
	keys := []string{first}
	if rest != "" {
		inner, closed := strings.CutSuffix(rest, "]")
		if !closed {
			return invalid("", name, "Invalid parameter name: %s", name)
		}
		keys = append(keys, strings.Split(inner, "][")...)
	}
	at := n
	for i, key := range keys {
		if at.children == nil {
			return invalid("", at.name, "Invalid object")
		}
		child := at.children[key]
		if child == nil {
			child = &node{name: key}
			if i > 0 {
				child.name = at.name + "[" + key + "]"
			}
			if i < len(keys)-1 {
				child.children = make(map[string]*node)
			}
			at.children[key] = child
		}
		at = child
	}
	if at.children != nil {
		return invalid("", at.name, "Invalid object")
	}
	at.value = value
	return nil
}

// at returns the node at a path, or nil if it does not exist.
func (n *node) at(path ...string) *node {
	for _, key := range path {
		if n == nil {
			return nil
		}
		n = n.children[key]
	}
	return n
}

// text returns the value at a path, or nil if it is missing.
func (n *node) text(path ...string) *string {
	if n = n.at(path...); n == nil {
		return nil
	}
	return &n.value
}

// or returns the value at a path, or fallback if it is missing.
func (n *node) or(fallback string, path ...string) string {
	if v := n.text(path...); v != nil {
		return *v
	}
	return fallback
}

// list returns the elements of an array: first the element without a number ("[]"), then the
// numbered elements in order.
func (n *node) list() []*node {
	if n == nil {
		return nil
	}
	var elements []*node
	for _, key := range n.keys() {
		elements = append(elements, n.children[key])
	}
	return elements
}

func (n *node) keys() []string {
	var keys []string
	for key := range n.children {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		i, errA := strconv.Atoi(a)
		j, errB := strconv.Atoi(b)
		if errA == nil && errB == nil {
			return i - j
		}
		return strings.Compare(a, b)
	})
	return keys
}
