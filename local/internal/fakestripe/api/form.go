package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// node is a parameter in the tree that Stripe's bracket names spell: a value, or named or numbered
// children.
type node struct {
	name     string // the full bracket name, as errors call it
	value    string
	children map[string]*node // nil for a value
}

// parseForm reads "a[b][0][c]=v&…". As with Stripe, the last of repeated names counts.
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

// at walks down; it is nil where the path ends early.
func (n *node) at(path ...string) *node {
	for _, key := range path {
		if n == nil {
			return nil
		}
		n = n.children[key]
	}
	return n
}

// text is the value at a path, nil if there is none.
func (n *node) text(path ...string) *string {
	if n = n.at(path...); n == nil {
		return nil
	}
	return &n.value
}

// or is the value at a path, or the fallback.
func (n *node) or(fallback string, path ...string) string {
	if v := n.text(path...); v != nil {
		return *v
	}
	return fallback
}

// list is an array's elements in order: those numbered by index, and before them "[]", the
// unnumbered one.
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
