package attribute

import (
	"math/big"
	"slices"
	"strings"
)

// parseSet returns the elements of a set, sorted. Sets have no order, so two sorted sets can be
// compared directly.
func parseSet(kind string, elements []string) ([]string, error) {
	if len(elements) == 0 {
		described := "binary"
		switch kind {
		case "SS":
			described = "string"
		case "NS":
			described = "number"
		}
		return nil, ValidationException("One or more parameter values were invalid: An " + described +
			" set  may not be empty")
	}
	set := slices.Clone(elements)
	for i, element := range elements {
		var err error
		switch kind {
		case "NS":
			set[i], err = normalizeNumber(element)
		case "BS":
			err = checkBase64(element)
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(set)
	if len(slices.Compact(slices.Clone(set))) < len(set) {
		return nil, ValidationException("One or more parameter values were invalid: Input collection [" +
			strings.Join(elements, ", ") + "] contains duplicates.")
	}
	return set, nil
}

// Elements returns the elements of a set.
func (a Value) Elements() []string {
	elements, _ := a.Content.([]string)
	return elements
}

// Count returns the number of elements of a set, a list or a map, and false for any other type.
func (a Value) Count() (int64, bool) {
	switch value := a.Content.(type) {
	case []string:
		return int64(len(value)), true
	case []Value:
		return int64(len(value)), true
	case map[string]Value:
		return int64(len(value)), true
	}
	return 0, false
}

// Minus removes elements from a set, like DELETE.
func (a Value) Minus(b Value) (Value, error) {
	if a.Kind != b.Kind {
		return Value{}, ValidationException("An operand in the update expression has an incorrect data type")
	}
	rest := slices.DeleteFunc(slices.Clone(a.Elements()),
		func(element string) bool { return slices.Contains(b.Elements(), element) })
	return Value{a.Kind, rest}, nil
}

// Plus adds a number to a number, or elements to a set of the same type, like ADD.
func (a Value) Plus(b Value) (Value, error) {
	if a.Kind != b.Kind {
		return Value{}, ValidationException("An operand in the update expression has an incorrect data type")
	}
	if elements, isSet := a.Content.([]string); isSet {
		union := slices.Concat(elements, b.Content.([]string))
		slices.Sort(union)
		return Value{a.Kind, slices.Compact(union)}, nil
	}
	one, _ := new(big.Rat).SetString(a.Text()) // numbers are in plain notation
	two, _ := new(big.Rat).SetString(b.Text())
	sum, err := normalizeNumber(one.Add(one, two).FloatString(maxFraction))
	return Value{"N", sum}, err
}

// maxFraction is the maximum number of digits after the decimal point.
const maxFraction = 130
