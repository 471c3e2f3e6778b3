package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stripe/stripe-mock/spec"
)

// check checks parameters against their schema. Errors have Stripe's messages and name the invalid
// parameter. Unlike stripe-mock, it also finds unknown names below the top level.
func check(n *node, schema *spec.Schema) *apiError {
	switch {
	case len(schema.AnyOf) > 0:
		return check(n, alternative(n, schema))
	case schema.Type == spec.TypeObject:
		return checkObject(n, schema)
	case schema.Type == spec.TypeArray:
		if n.children == nil {
			return invalid("", n.name, "Invalid array")
		}
		for _, key := range n.keys() {
			if _, err := strconv.ParseUint(key, 10, 16); err != nil && key != "" {
				return invalid("", n.name, "Invalid array")
			}
			if problem := check(n.children[key], schema.Items); problem != nil {
				return problem
			}
		}
		return nil
	}
	return checkValue(n, schema)
}

// alternative returns the first alternative of a schema that accepts the value, or the first
// alternative if all fail. Stripe's alternatives are a type and the empty string, which unsets the
// parameter.
func alternative(n *node, schema *spec.Schema) *spec.Schema {
	for _, s := range schema.AnyOf {
		if check(n, s) == nil {
			return s
		}
	}
	return schema.AnyOf[0]
}

func checkObject(n *node, schema *spec.Schema) *apiError {
	if n.children == nil {
		return invalid("", n.name, "Invalid object")
	}
	for _, key := range n.keys() {
		child := n.children[key]
		known := schema.Properties[key]
		if known == nil {
			known = schema.AdditionalProperties // metadata
		}
		if known == nil {
			return invalid("parameter_unknown", child.name, "Received unknown parameter: %s", child.name)
		}
		if problem := check(child, known); problem != nil {
			return problem
		}
	}
	for _, key := range schema.Required {
		if n.children[key] == nil {
			name := key
			if n.name != "" {
				name = fmt.Sprintf("%s[%s]", n.name, key)
			}
			return missingParam(name)
		}
	}
	return nil
}

func checkValue(n *node, schema *spec.Schema) *apiError {
	if n.children != nil {
		return invalid("", n.name, "Invalid %s", schema.Type)
	}
	isOfMetadata := strings.HasPrefix(n.name, "metadata[") // an empty value removes the key
	if n.value == "" && !isOfMetadata && !slices.Contains(schema.Enum, any("")) {
		return invalid("parameter_invalid_empty", n.name,
			"You passed an empty string for '%[1]s'. We assume empty values are an attempt to unset "+
				"a parameter; however '%[1]s' cannot be unset. You should remove '%[1]s' from your request or supply "+
				"a non-empty value.", n.name)
	}
	if len(schema.Enum) > 0 && !slices.Contains(schema.Enum, any(n.value)) {
		return notOneOf(n.name, schema.Enum)
	}
	switch schema.Type {
	case spec.TypeInteger:
		if _, err := strconv.ParseInt(n.value, 10, 64); err != nil {
			return invalid("parameter_invalid_integer", n.name, "Invalid integer: %s", n.value)
		}
	case spec.TypeBoolean:
		if n.value != "true" && n.value != "false" {
			return invalid("", n.name, "Invalid boolean: %s", n.value)
		}
	case spec.TypeString:
		if schema.MaxLength > 0 && utf8.RuneCountInString(n.value) > schema.MaxLength {
			return invalid("", n.name, "Invalid string: must be at most %d characters", schema.MaxLength)
		}
	}
	return nil
}

func notOneOf(param string, allowed []any) *apiError {
	var names []string
	for _, value := range allowed {
		names = append(names, fmt.Sprint(value))
	}
	return invalid("", param, "Invalid %s: must be one of %s, or %s", param,
		strings.Join(names[:len(names)-1], ", "), names[len(names)-1])
}
