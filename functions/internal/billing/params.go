package billing

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/stripe/stripe-go/v79"
)

// The names and types of a portal session's parameters are those of stripe-go: the form tags of its parameter struct. This is the one
// place that reads them, for what callers send and for what Stripe refuses.

// FieldOf returns the field of one of stripe-go's parameter structs that a parameter's name stands for.
func FieldOf(structure reflect.Type, name string) (reflect.StructField, bool) {
	for i := range structure.NumField() {
		if field := structure.Field(i); field.Tag.Get("form") == name && name != "" && !field.Anonymous {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

// Join appends a member's name, or an element's index, to a parameter's name.
func Join(parent, member string) string {
	if parent == "" {
		return member
	}
	return parent + "[" + member + "]"
}

// paramOf returns the name of the parameter of a portal session that Stripe refuses, and whether it is one. Stripe names the element
// of a list by its index, or not at all, as a[0][b] or a[][b]; in newer parts of its API, members follow a dot. What is returned is made
// of stripe-go's own names, because what comes off the wire can be anything.
//
// https://docs.stripe.com/api/errors#errors-param
func paramOf(wire string) (name string, ok bool) {
	kind := reflect.TypeFor[stripe.BillingPortalSessionParams]()
	for part := range strings.SplitSeq(strings.NewReplacer("][", ".", "[", ".", "]", "").Replace(wire), ".") {
		if kind.Kind() == reflect.Slice {
			index, err := strconv.ParseUint(part, 10, 8) // 0 if there is none
			name, kind = Join(name, strconv.FormatUint(index, 10)), kind.Elem().Elem()
			if err == nil || part == "" {
				continue
			}
		}
		if kind.Kind() != reflect.Struct {
			return "", false
		}
		field, ok := FieldOf(kind, part)
		if !ok {
			return "", false
		}
		name, kind = Join(name, part), field.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
	}
	return name, true
}
