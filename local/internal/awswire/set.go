package awswire

import (
	"math/big"
	"slices"
	"strings"
)

// parseSet returns the elements of a set in order: a set has none, and two are
// compared as they are.
func parseSet(kind string, elements []string) ([]string, error) {
	if len(elements) == 0 {
		described := map[string]string{"SS": "string set ", "NS": "number set ", "BS": "binary set "}[kind]
		return nil, invalid("One or more parameter values were invalid: An " + described + " may not be empty")
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
		return nil, invalid("One or more parameter values were invalid: Input collection [" + strings.Join(elements, ", ") + "] contains duplicates.")
	}
	return set, nil
}

// elements are those of a set.
func (a attribute) elements() []string {
	elements, _ := a.value.([]string)
	return elements
}

// count is the number of elements of a set, a list or a map; false of any other type.
func (a attribute) count() (int64, bool) {
	switch value := a.value.(type) {
	case []string:
		return int64(len(value)), true
	case []attribute:
		return int64(len(value)), true
	case map[string]attribute:
		return int64(len(value)), true
	}
	return 0, false
}

// minus removes elements as DELETE does.
func (a attribute) minus(b attribute) (attribute, error) {
	if a.kind != b.kind {
		return attribute{}, invalid("An operand in the update expression has an incorrect data type")
	}
	rest := slices.DeleteFunc(slices.Clone(a.elements()), func(element string) bool { return slices.Contains(b.elements(), element) })
	return attribute{a.kind, rest}, nil
}

// plus adds as ADD does: a number to a number, elements to a set of their kind.
func (a attribute) plus(b attribute) (attribute, error) {
	if a.kind != b.kind {
		return attribute{}, invalid("An operand in the update expression has an incorrect data type")
	}
	if elements, isSet := a.value.([]string); isSet {
		union := slices.Concat(elements, b.value.([]string))
		slices.Sort(union)
		return attribute{a.kind, slices.Compact(union)}, nil
	}
	one, _ := new(big.Rat).SetString(a.text()) // numbers are in plain notation
	two, _ := new(big.Rat).SetString(b.text())
	sum, err := normalizeNumber(one.Add(one, two).FloatString(maxFraction))
	return attribute{"N", sum}, err
}

// maxFraction is how many digits a number may have behind its point.
const maxFraction = 130
