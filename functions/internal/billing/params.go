package billing

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/stripe/stripe-go/v79"
)

// The names and types of a portal session's parameters are stripe-go's: the form tags of
// BillingPortalSessionParams. This is the one place that reads them, both for the parameters that
// callers send and for those that Stripe refuses.

// FieldOf returns the field of one of stripe-go's parameter structs that a parameter's name stands
// for.
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

// paramOf returns the name of a portal session's parameter in the spelling that callers use, and
// whether there is such a parameter. Stripe spells an element of a list with its index or without
// (a[0][b], a[][b], a[b]), and in newer parts of its API a member with a dot (a.b). The result is
// built from stripe-go's names, because the one on the wire can be any text.
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
