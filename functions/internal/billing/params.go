package billing

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/stripe/stripe-go/v79"
)

// The names and types of a portal session's parameters come from stripe-go: the form tags of
// BillingPortalSessionParams. Only this file reads the tags, both for the parameters that callers
// send and for the parameters that Stripe refuses.

// FieldOf returns the field of one of stripe-go's parameter structs that has this parameter name.
func FieldOf(structure reflect.Type, name string) (reflect.StructField, bool) {
	for i := range structure.NumField() {
		if field := structure.Field(i); field.Tag.Get("form") == name && name != "" && !field.Anonymous {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

// Join appends the name of a member, or the index of an element, to the name of a parameter.
func Join(parent, member string) string {
	if parent == "" {
		return member
	}
	return parent + "[" + member + "]"
}

// paramOf returns the name of a portal session's parameter in the spelling that callers use. ok is
// false if portal sessions have no parameter of this name. Stripe spells an element of a list with
// or without its index (a[0][b], a[][b], a[b]), and in newer parts of the API a member with a dot
// (a.b). The result is built from stripe-go's names, because the name on the wire can be any text.
//
// https://docs.stripe.com/api/errors#errors-param
func paramOf(wire string) (name string, ok bool) {
	kind := reflect.TypeFor[stripe.BillingPortalSessionParams]()
	for part := range strings.SplitSeq(strings.NewReplacer("][", ".", "[", ".", "]", "").Replace(wire), ".") {
		if kind.Kind() == reflect.Slice {
			index, err := strconv.ParseUint(part, 10, 8) // 0 if the index is missing
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
