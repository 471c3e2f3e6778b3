package portalconfig

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/stripe/stripe-mock/spec"

	"billingportal/local/internal/stripespec"
)

const collection = "/v1/billing_portal/configurations"

// MetadataKey is the metadata key that holds the name of a configuration.
const MetadataKey = "portal_config_name"

// expansions are the fields that Stripe leaves out of a configuration unless a request expands
// them.
//
// https://docs.stripe.com/expand
var expansions = []string{
	"features.subscription_update.products",
	"features.subscription_cancel.cancellation_reason.feedback_options",
}

// schemas has the parameters of two requests: creating a configuration requires more parameters,
// and updating one allows more.
type schemas struct{ create, update *spec.Schema }

// loadSchemas reads the schemas once. They never change.
var loadSchemas = sync.OnceValues(func() (schemas, error) {
	create, err := stripespec.Embedded().Parameters(collection)
	if err != nil {
		return schemas{}, err
	}
	update, err := stripespec.Embedded().Parameters(collection + "/{configuration}")
	if err != nil {
		return schemas{}, err
	}
	for _, schema := range []*spec.Schema{create, update} {
		delete(schema.Properties, "expand") // it belongs to the call, not to the configuration
	}
	return schemas{create, update}, nil
})

// APIVersion returns the API version of the schemas.
func APIVersion() (string, error) { return stripespec.Embedded().Version() }

// shape returns the schema of a parameter without the alternative "", which unsets the parameter.
// canUnset reports whether there is that alternative.
func shape(schema *spec.Schema) (s *spec.Schema, canUnset bool) {
	for _, alternative := range schema.AnyOf {
		if len(alternative.Enum) == 1 && alternative.Enum[0] == "" {
			canUnset = true
		} else if s == nil {
			s = alternative
		}
	}
	if s == nil {
		s = schema
	}
	return s, canUnset
}

// member returns the schema of an object's member, or nil if the name is unknown.
func member(object *spec.Schema, name string) *spec.Schema {
	if schema := object.Properties[name]; schema != nil {
		return schema
	}
	return object.AdditionalProperties
}

// join appends a member to the name of a parameter, in the form of Stripe's requests: a[b].
func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "[" + name + "]"
}

// dotted returns a parameter in the form that people read:
// features.subscription_update.products[0].
func dotted(name string) string {
	var text strings.Builder
	for i, part := range strings.Split(strings.NewReplacer("][", "\n", "[", "\n", "]", "").Replace(name), "\n") {
		switch {
		case i > 0 && strings.Trim(part, "0123456789") == "":
			text.WriteString("[" + part + "]")
		case i > 0:
			text.WriteString("." + part)
		default:
			text.WriteString(part)
		}
	}
	return printable(text.String())
}

// printable quotes a text that has characters that control a terminal. A metadata key can have any
// characters.
func printable(text string) string {
	if strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return strconv.Quote(text)
	}
	return text
}

func allowed(enum []any) string {
	var names []string
	for _, value := range enum {
		names = append(names, value.(string))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
