package params

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"github.com/stripe/stripe-go/v79"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/problem"
)

// stripe-go defines the names and types of the parameters, in the form tags of a parameter struct.
// Callers would also gain the parameters that a new version of stripe-go adds, so a test holds the
// list of names that have a rule.

// reserved are the parameters of the struct that callers cannot set. expand changes the format of
// the answer; customer comes from the mapping.
var reserved = map[string]func(param string) *problem.Problem{
	"*":      unknown,
	"expand": unknown,
	"customer": func(param string) *problem.Problem {
		return &problem.Problem{Code: problem.ParameterNotAllowed, Param: param,
			Detail: "The customer is always that of the signed-in user."}
	},
}

// decode turns the caller's tree into stripe-go's parameters. It checks names and types; [Policy]
// checks values.
func decode(tree node) (*stripe.BillingPortalSessionParams, error) {
	params := &stripe.BillingPortalSessionParams{}
	for _, name := range slices.Sorted(maps.Keys(reserved)) {
		if _, given := tree.members[name]; given {
			return nil, reserved[name](name)
		}
	}
	if err := decodeObject(tree, reflect.ValueOf(params).Elem(), ""); err != nil {
		return nil, err
	}
	return params, nil
}

func decodeObject(n node, into reflect.Value, name string) error {
	if n.kind != object {
		return invalid(name, "The parameter must be an object.")
	}
	for _, member := range slices.Sorted(maps.Keys(n.members)) {
		path := billing.Join(name, member)
		field, ok := billing.FieldOf(into.Type(), member)
		if !ok {
			return unknown(path)
		}
		if err := decodeValue(n.members[member], into.FieldByIndex(field.Index), path); err != nil {
			return err
		}
	}
	return nil
}

func decodeValue(n node, into reflect.Value, name string) error {
	if into.Kind() == reflect.Slice {
		return decodeList(n, into, name)
	}
	// All other parameters in stripe-go are pointers, so that absent differs from zero.
	value := reflect.New(into.Type().Elem())
	switch value.Elem().Kind() {
	case reflect.String:
		if n.kind != text {
			return invalid(name, "The parameter must be a string.")
		}
		value.Elem().SetString(n.text)
	case reflect.Int64:
		quantity, ok := wholeNumber(n)
		if !ok {
			return invalid(name, "The parameter must be a whole number, 0 or more.")
		}
		value.Elem().SetInt(quantity)
	default:
		if n.isAbsent() {
			return nil
		}
		if err := decodeObject(n, value.Elem(), name); err != nil {
			return err
		}
	}
	into.Set(value)
	return nil
}

// decodeList reads a list. All lists of this call have at most one element. An empty list counts as
// absent, because stripe-go would send an empty string for it, which Stripe refuses. All elements
// are objects, so an absent element is left out too.
func decodeList(n node, into reflect.Value, name string) error {
	items, ok := n.elements()
	items = slices.DeleteFunc(items, node.isAbsent)
	switch {
	case !ok:
		return invalid(name, "The parameter must be a list.")
	case len(items) > 1:
		return invalid(name, "The list may have at most one element.")
	case len(items) == 0:
		return nil
	}
	result := reflect.MakeSlice(into.Type(), 0, len(items))
	for i, item := range items {
		element := reflect.New(into.Type().Elem().Elem())
		if err := decodeObject(item, element.Elem(), billing.Join(name, strconv.Itoa(i))); err != nil {
			return err
		}
		result = reflect.Append(result, element)
	}
	into.Set(result)
	return nil
}

var digits = regexp.MustCompile(`^[0-9]{1,18}$`)

func wholeNumber(n node) (int64, bool) {
	if !(n.kind == number || (n.kind == text && n.isForm)) || !digits.MatchString(n.text) {
		return 0, false
	}
	value, err := strconv.ParseInt(n.text, 10, 64)
	return value, err == nil
}

func unknown(param string) *problem.Problem {
	return &problem.Problem{Code: problem.UnknownParameter, Param: SafeName(param)}
}

func missing(param string) *problem.Problem {
	return &problem.Problem{Code: problem.InvalidParameter, Param: param, Detail: "The parameter is required."}
}

func invalid(param, detail string) *problem.Problem {
	return &problem.Problem{Code: problem.InvalidParameter, Param: SafeName(param), Detail: detail}
}

// maxParamLength is more than the length of the longest name, in bytes.
const maxParamLength = 128

// paramPattern matches the name of a parameter. A token, a key or a URL cannot match, so a name
// that matches can be repeated even if Stripe or a caller sent it.
var paramPattern = regexp.MustCompile(`^[a-z_]+(\[[a-z_0-9]+\])*$`)

// SafeName returns name if it looks like the name of a parameter, else "".
func SafeName(name string) string {
	if len(name) <= maxParamLength && paramPattern.MatchString(name) {
		return name
	}
	return ""
}
