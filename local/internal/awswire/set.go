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
