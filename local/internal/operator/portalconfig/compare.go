package portalconfig

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stripe/stripe-mock/spec"
)

// change is a parameter with other values in the file and at Stripe; nil means no value.
type change struct {
	parameter     string
	before, after any
}

// comparison says how a configuration at Stripe differs from the file.
type comparison struct {
	changes []change
	kept    []change       // parameters that only Stripe has
	write   map[string]any // the parameters that have changed
}

// compare compares the parameters of the file with those at Stripe, below a parameter.
func compare(want, have map[string]any, parameter string) comparison {
	c := comparison{write: map[string]any{}}
	names := maps.Clone(want)
	if names == nil {
		names = map[string]any{}
	}
	maps.Copy(names, have)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		value, isInFile := want[name]
		at := join(parameter, name)
		if !isInFile {
			c.keep(at, have[name])
			continue
		}
		switch value := value.(type) {
		case map[string]any:
			members, _ := have[name].(map[string]any)
			inner := compare(value, members, at)
			c.add(inner)
			if len(inner.write) > 0 {
				c.write[name] = inner.write
			}
		case []any:
			elements, _ := have[name].([]any)
			c.list(name, value, elements, at)
		default:
			if !isSame(value, have[name]) {
				c.changes = append(c.changes, change{at, have[name], value})
				c.write[name] = value
			}
		}
	}
	return c
}

func (c *comparison) add(inner comparison) {
	c.changes = append(c.changes, inner.changes...)
	c.kept = append(c.kept, inner.kept...)
}

func (c *comparison) keep(parameter string, value any) {
	if object, isObject := value.(map[string]any); isObject {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			c.keep(join(parameter, name), object[name])
		}
		return
	}
	c.kept = append(c.kept, change{parameter, value, nil})
}

// list compares lists. It ignores the order, because Stripe has its own order. Stripe replaces a
// list as a whole, so an element is written together with the members that only Stripe has.
func (c *comparison) list(name string, want, have []any, parameter string) {
	inner := comparison{}
	written := []any{}
	left := map[string]any{}
	for _, element := range have {
		left[identity(element)] = element
	}
	for _, element := range want {
		id := identity(element)
		there, exists := left[id]
		delete(left, id)
		wanted, isObject := element.(map[string]any)
		if !exists || !isObject {
			if !exists {
				inner.changes = append(inner.changes, change{parameter, nil, element})
			}
			written = append(written, element)
			continue
		}
		members, _ := there.(map[string]any)
		inner.add(compare(wanted, members, join(parameter, id)))
		written = append(written, overlay(members, wanted))
	}
	for _, id := range slices.Sorted(maps.Keys(left)) {
		inner.changes = append(inner.changes, change{parameter, left[id], nil})
	}
	c.add(inner)
	if len(inner.changes) > 0 {
		c.write[name] = written
	}
}

// overlay returns the object below with the members of above in it.
func overlay(below, above map[string]any) map[string]any {
	result := maps.Clone(below)
	for name, value := range above {
		object, isObject := value.(map[string]any)
		under, wasObject := result[name].(map[string]any)
		if isObject && wasObject {
			value = overlay(under, object)
		}
		result[name] = value
	}
	return result
}

// isSame compares values. Empty, null and absent all mean unset.
func isSame(a, b any) bool {
	return isEmpty(a) && isEmpty(b) || fmt.Sprintf("%T", a) == fmt.Sprintf("%T", b) && fmt.Sprint(a) == fmt.Sprint(b)
}

func isEmpty(value any) bool {
	list, isList := value.([]any)
	return value == nil || value == "" || isList && len(list) == 0
}

// parametersOf returns the parameters of a configuration at Stripe, without those that are unset.
//
// https://docs.stripe.com/api/customer_portal/configurations/object
func parametersOf(value any, schema *spec.Schema) any {
	schema, _ = shape(schema)
	switch value := value.(type) {
	case map[string]any:
		if schema.Type != spec.TypeObject {
			return value["id"] // an expanded object
		}
		object := map[string]any{}
		for name, inner := range value {
			if known := member(schema, name); known != nil && !isEmpty(inner) {
				object[name] = parametersOf(inner, known)
			}
		}
		return object
	case []any:
		elements := []any{}
		for _, element := range value {
			if schema.Items != nil {
				elements = append(elements, parametersOf(element, schema.Items))
			}
		}
		return elements
	case json.Number:
		if number, err := value.Int64(); err == nil {
			return number
		}
	}
	return value
}

// show returns a value as text, without characters that control a terminal.
func show(value any) string {
	var parts []string
	switch value := value.(type) {
	case nil:
		return "none"
	case string:
		if value == "" {
			return "none"
		}
		return strconv.Quote(value)
	case []any:
		for _, element := range value {
			parts = append(parts, show(element))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			parts = append(parts, name+": "+show(value[name]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(value)
}
