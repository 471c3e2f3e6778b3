package portalconfig

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stripe/stripe-mock/spec"
	"go.yaml.in/yaml/v3"
)

// value reads a parameter by its schema. It returns nil after a fault.
func (r *reader) value(n *yaml.Node, schema *spec.Schema, name string) any {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	r.in.lines[name] = n.Line
	schema, canUnset := shape(schema)
	isUnset := n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && n.Value == ""
	switch {
	case n.ShortTag() == "!!null":
		advice := "give it a value, or leave it out to keep what Stripe has"
		if canUnset && name != "metadata" {
			advice = `write "" to unset it, or leave it out to keep what Stripe has`
		}
		r.fault(n.Line, name, "has no value: %s", advice)
		return nil
	case isUnset && canUnset && name != "metadata":
		return ""
	case schema.Type == spec.TypeObject:
		return r.object(n, schema, name)
	case schema.Type == spec.TypeArray:
		return r.list(n, schema, name, canUnset)
	}
	return r.scalar(n, schema, name)
}

func (r *reader) object(n *yaml.Node, schema *spec.Schema, name string) any {
	if n.Kind != yaml.MappingNode {
		r.fault(n.Line, name, "must be an object: names and values, indented below it")
		return nil
	}
	object := map[string]any{}
	for _, pair := range r.pairs(n, name, 0) {
		key := pair.key.Value
		known := member(schema, key)
		switch {
		case known == nil:
			r.fault(pair.key.Line, join(name, key), "unknown parameter; known here: %s",
				strings.Join(slices.Sorted(maps.Keys(schema.Properties)), ", "))
		case name == "metadata" && key == MetadataKey:
			r.fault(pair.key.Line, join(name, key), "holds the configuration's name: leave it out")
		// https://docs.stripe.com/api/metadata
		case name == "metadata" && (key == "" || utf8.RuneCountInString(key) > 40 || strings.ContainsAny(key, "[]")):
			r.fault(pair.key.Line, join(name, key), "a key has 1 to 40 characters and no brackets")
		default:
			object[key] = r.value(pair.value, known, join(name, key))
		}
	}
	return object
}

func (r *reader) list(n *yaml.Node, schema *spec.Schema, name string, canUnset bool) any {
	if n.Kind != yaml.SequenceNode {
		r.fault(n.Line, name, "must be a list")
		return nil
	}
	if len(n.Content) == 0 && !canUnset {
		r.fault(n.Line, name, "must have an element")
		return nil
	}
	elements := []any{}
	seen := map[string]bool{}
	for i, child := range n.Content {
		at := join(name, strconv.Itoa(i))
		element := r.value(child, schema.Items, at)
		if object, isObject := element.(map[string]any); isObject {
			r.complete(object, schema.Items, at)
		}
		if id := identity(element); element != nil && seen[id] {
			r.fault(child.Line, at, "occurs twice")
		} else {
			seen[id] = true
		}
		elements = append(elements, element)
	}
	return elements
}

// complete refuses a list element that lacks a member: Stripe replaces lists as a whole, so it
// would not keep the member.
func (r *reader) complete(object map[string]any, schema *spec.Schema, name string) {
	for _, missing := range lacking(object, schema, name) {
		r.fault(r.in.lines[name], missing, "is missing; Stripe requires it")
	}
}

// lacking returns the required parameters that an object does not have.
func lacking(object map[string]any, schema *spec.Schema, name string) []string {
	var missing []string
	for _, required := range schema.Required {
		if _, isSet := object[required]; !isSet {
			missing = append(missing, join(name, required))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if members, isObject := object[key].(map[string]any); isObject && member(schema, key) != nil {
			inner, _ := shape(member(schema, key))
			missing = append(missing, lacking(members, inner, join(name, key))...)
		}
	}
	return missing
}

// identity returns a text that identifies a list element: a value itself, the ID of a product, or
// the type of a condition.
func identity(element any) string {
	if object, isObject := element.(map[string]any); isObject {
		for _, key := range []string{"product", "type"} {
			if id, ok := object[key].(string); ok {
				return id
			}
		}
	}
	return fmt.Sprint(element)
}

var wholeNumber = regexp.MustCompile(`^(?:0|-?[1-9][0-9]{0,17})$`)

func (r *reader) scalar(n *yaml.Node, schema *spec.Schema, name string) any {
	tag := n.ShortTag()
	if n.Kind != yaml.ScalarNode {
		tag = "" // a list or an object
	}
	switch schema.Type {
	case spec.TypeBoolean:
		isTrue := strings.EqualFold(n.Value, "true")
		if tag == "!!bool" && (isTrue || strings.EqualFold(n.Value, "false")) {
			return isTrue
		}
		r.fault(n.Line, name, "must be true or false, without quotes")
	case spec.TypeInteger:
		if tag == "!!int" && wholeNumber.MatchString(n.Value) {
			number, _ := strconv.ParseInt(n.Value, 10, 64)
			return number
		}
		r.fault(n.Line, name, "must be a whole number, without quotes")
	default:
		return r.text(n, tag, schema, name)
	}
	return nil
}

func (r *reader) text(n *yaml.Node, tag string, schema *spec.Schema, name string) any {
	limit := schema.MaxLength
	if isMetadata(name) {
		limit = 500 // https://docs.stripe.com/api/metadata
	}
	switch {
	case tag == "":
		r.fault(n.Line, name, "must be a string")
	case tag != "!!str":
		r.fault(n.Line, name, "must be a string: put it in quotes")
	case len(schema.Enum) > 0 && !slices.Contains(schema.Enum, any(n.Value)):
		r.fault(n.Line, name, "must be one of: %s", allowed(schema.Enum))
	case n.Value == "" && !isMetadata(name):
		r.fault(n.Line, name, "cannot be empty or unset")
	case strings.TrimSpace(n.Value) != n.Value:
		r.fault(n.Line, name, "has white space around it")
	case limit > 0 && utf8.RuneCountInString(n.Value) > limit:
		r.fault(n.Line, name, "has more than %d characters", limit)
	default:
		return n.Value
	}
	return nil
}

type pair struct{ key, value *yaml.Node }

// maxMerges limits the depth of merges (<<), so that an object that merges itself is refused.
const maxMerges = 10

// pairs returns the members of an object and of the objects that it merges (<<). Its own members
// take precedence. A name that occurs twice is a fault, because programs disagree about which one
// counts.
func (r *reader) pairs(object *yaml.Node, name string, depth int) []pair {
	var own, more []pair
	seen := map[string]bool{}
	for i := 0; i+1 < len(object.Content); i += 2 {
		key, value := object.Content[i], object.Content[i+1]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" && !seen[key.Value]:
			seen[key.Value] = true
			more = append(more, r.merged(value, name, depth)...)
		case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null":
			r.fault(key.Line, name, "has a name that is not a string")
		case seen[key.Value]:
			r.fault(key.Line, join(name, key.Value), "occurs twice")
		default:
			seen[key.Value] = true
			own = append(own, pair{key, value})
		}
	}
	for _, p := range more {
		if !seen[p.key.Value] {
			seen[p.key.Value] = true
			own = append(own, p)
		}
	}
	return own
}

// merged returns the members of the object, or of the objects, that another object merges.
// https://yaml.org/type/merge.html
func (r *reader) merged(n *yaml.Node, name string, depth int) []pair {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case depth == maxMerges:
		r.fault(n.Line, name, "merges too many objects into each other")
	case n.Kind == yaml.MappingNode:
		return r.pairs(n, name, depth+1)
	case n.Kind == yaml.SequenceNode:
		var all []pair
		for _, element := range n.Content {
			all = append(all, r.merged(element, name, depth+1)...)
		}
		return all
	default:
		r.fault(n.Line, name, "<< must name an object")
	}
	return nil
}
