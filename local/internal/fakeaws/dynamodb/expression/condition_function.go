package expression

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

// function reads a function of a condition. Unlike keywords, the names of functions are
// case-sensitive.
func (p *parser) function() (Condition, error) {
	name := p.next()
	arguments, err := p.arguments()
	if err != nil {
		return nil, err
	}
	want := 1
	switch name {
	case "attribute_exists", "attribute_not_exists":
	case "attribute_type":
		want = 2
	case "size":
		return p.size(arguments)
	case "begins_with", "contains":
		return nil, p.invalid("The function " + name + " is not emulated on this endpoint;")
	default:
		return nil, p.invalid("Invalid function name; function: " + name)
	}
	if len(arguments) != want {
		return nil, p.invalid(fmt.Sprintf("Incorrect number of operands for operator or function; operator or "+
			"function: %s, number of operands: %d",
			name, len(arguments)))
	}
	place := arguments[0].path
	if place == nil {
		return nil, p.invalid("Operator or function requires a document path; operator or function: " + name)
	}
	if want == 2 {
		return p.attributeType(place, arguments[1])
	}
	return func(item map[string]attribute.Value) bool {
		_, present := place.in(item)
		return present == (name == "attribute_exists")
	}, nil
}

// size reads a comparison of a number of elements with a value.
func (p *parser) size(arguments []operand) (Condition, error) {
	notEmulated := p.invalid("The function size is not emulated on this endpoint, except in size(path) < :number;")
	if len(arguments) != 1 || arguments[0].path == nil || !p.accept("<") {
		return nil, notEmulated
	}
	value, err := p.value()
	if err != nil {
		return nil, err
	}
	if value.Kind != "N" {
		return nil, notEmulated
	}
	limit, _ := new(big.Rat).SetString(value.Text()) // numbers are in plain notation
	return func(item map[string]attribute.Value) bool {
		of, _ := arguments[0].path.in(item)
		elements, has := of.Count()
		return has && new(big.Rat).SetInt64(elements).Cmp(limit) < 0
	}, nil
}

func (p *parser) arguments() ([]operand, error) {
	p.next() // "("
	var arguments []operand
	for {
		argument, err := p.operand()
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, argument)
		if p.accept(")") {
			return arguments, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

func (p *parser) attributeType(place Path, kind operand) (Condition, error) {
	if kind.value.Kind != "S" {
		return nil, p.invalid("Incorrect operand type for operator or function; operator or function: " +
			"attribute_type, operand type: " + kind.value.Kind)
	}
	kinds := []string{"N", "BS", "L", "B", "NULL", "M", "S", "SS", "NS", "BOOL"}
	if !slices.Contains(kinds, kind.value.Text()) {
		return nil, p.invalid("Invalid attribute type name found; type: " + kind.value.Text() + ", valid types: {" +
			strings.Join(kinds, ",") + "}")
	}
	return func(item map[string]attribute.Value) bool {
		value, _ := place.in(item)
		return value.Kind == kind.value.Text()
	}, nil
}
