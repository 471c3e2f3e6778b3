package checks

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// outline is a node of a YAML document: a mapping, a sequence or a scalar. The members of a
// sequence are named 0, 1, 2 and so on, and its value is "[first, second]". A CloudFormation tag is
// part of the value: "!Ref Name".
type outline struct {
	value   string
	line    int
	names   []string // names of the members, in order
	members map[string]*outline
}

func parseOutline(text string) (*outline, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 {
		return nil, fmt.Errorf("%d documents", len(document.Content))
	}
	return outlineOf(document.Content[0]), nil
}

func outlineOf(node *yaml.Node) *outline {
	if node.Alias != nil {
		node = node.Alias
	}
	o := &outline{line: node.Line, members: map[string]*outline{}}
	add := func(name string, child *yaml.Node) {
		o.names = append(o.names, name)
		o.members[name] = outlineOf(child)
	}
	switch node.Kind {
	case yaml.MappingNode:
		if len(node.Content) == 0 {
			o.value = "{}"
		}
		for i := 0; i < len(node.Content); i += 2 {
			add(node.Content[i].Value, node.Content[i+1])
		}
	case yaml.SequenceNode:
		for i, child := range node.Content {
			add(strconv.Itoa(i), child)
		}
		o.value = "[" + strings.Join(o.list(), ", ") + "]"
	default:
		o.value = node.Value
	}
	if !strings.HasPrefix(node.ShortTag(), "!!") {
		o.value = node.Tag + " " + o.value
	}
	return o
}

// at returns the node at a path of names, or an empty node if it does not exist.
func (o *outline) at(path ...string) *outline {
	for _, name := range path {
		next, ok := o.members[name]
		if !ok {
			return &outline{}
		}
		o = next
	}
	return o
}

// list returns the scalars of a sequence.
func (o *outline) list() []string {
	var values []string
	for _, name := range o.names {
		values = append(values, o.members[name].value)
	}
	return values
}
