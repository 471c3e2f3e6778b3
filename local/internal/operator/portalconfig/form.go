package portalconfig

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/stripe/stripe-mock/spec"
)

// encode adds parameters to a form under their names in Stripe's requests. It leaves out parameters
// that the call does not have: they cannot be set, or unset, when a configuration is created.
func encode(form url.Values, value any, schema *spec.Schema, name string) {
	schema, canUnset := shape(schema)
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if known := member(schema, key); known != nil {
				encode(form, inner, known, join(name, key))
			}
		}
	case []any:
		for i, element := range value {
			encode(form, element, schema.Items, join(name, strconv.Itoa(i)))
		}
		if len(value) == 0 && canUnset {
			form.Set(name, "")
		}
	case string:
		if value != "" || canUnset || schema.Type == spec.TypeString && isMetadata(name) {
			form.Set(name, value)
		}
	default:
		form.Set(name, fmt.Sprint(value))
	}
}

// isMetadata reports whether a parameter is a key of the metadata, which an empty value removes.
func isMetadata(name string) bool { return strings.HasPrefix(name, "metadata[") }

// withRequired adds the parameters that Stripe requires together with the written ones.
func withRequired(write, want, have map[string]any, schema *spec.Schema) {
	for _, name := range schema.Required {
		if _, isWritten := write[name]; isWritten {
			continue
		}
		if value, ok := want[name]; ok {
			write[name] = value
		} else if value, ok := have[name]; ok {
			write[name] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(write)) {
		if inner, isObject := write[name].(map[string]any); isObject && member(schema, name) != nil {
			wanted, _ := want[name].(map[string]any)
			there, _ := have[name].(map[string]any)
			known, _ := shape(member(schema, name))
			withRequired(inner, wanted, there, known)
		}
	}
}
