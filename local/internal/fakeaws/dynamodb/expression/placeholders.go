package expression

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"billingportal/local/internal/fakeaws"
	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

// placeholders are the placeholders for names and values in the expressions of a request: "#c" and
// ":c".
type placeholders struct {
	names  map[string]string
	values map[string]attribute.Value
	used   map[string]bool
}

var (
	namePlaceholder  = regexp.MustCompile(`^#[a-zA-Z0-9_]+$`)
	valuePlaceholder = regexp.MustCompile(`^:[a-zA-Z0-9_]+$`)
)

// expressions are the expressions that a request can have, by the name of the parameter.
type expressions map[string]*string

// absent returns the names of the parameters if all are missing, otherwise "".
func (e expressions) absent() string {
	kinds := slices.Sorted(maps.Keys(e))
	if slices.ContainsFunc(kinds, func(kind string) bool { return e[kind] != nil }) {
		return ""
	}
	slices.Reverse(kinds) // UpdateExpression comes before ConditionExpression
	if len(kinds) == 1 {
		return kinds[0] + " is null"
	}
	return strings.Join(kinds, " and ") + " are null"
}

// newPlaceholders checks the placeholders, before the expressions are read.
func newPlaceholders(names map[string]string, values map[string]json.RawMessage,
	given expressions) (*placeholders, error) {
	p := &placeholders{names: names, values: map[string]attribute.Value{}, used: map[string]bool{}}
	if err := p.checkNames(given.absent()); err != nil {
		return nil, err
	}
	if err := p.parseValues(values, given.absent()); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *placeholders) checkNames(absent string) error {
	const parameter = "ExpressionAttributeNames"
	if err := checkGiven(parameter, p.names, absent); err != nil {
		return err
	}
	for said, name := range p.names {
		if !namePlaceholder.MatchString(said) {
			return attribute.ValidationException(parameter +
				" contains invalid key: Syntax error; key: \"" + said + "\"")
		}
		if name == "" {
			return attribute.ValidationException(parameter +
				" contains invalid value: Empty attribute name for key " + said)
		}
	}
	return nil
}

func (p *placeholders) parseValues(values map[string]json.RawMessage, absent string) error {
	const parameter = "ExpressionAttributeValues"
	if err := checkGiven(parameter, values, absent); err != nil {
		return err
	}
	for said, raw := range values {
		if !valuePlaceholder.MatchString(said) {
			return attribute.ValidationException(parameter +
				" contains invalid key: Syntax error; key: \"" + said + "\"")
		}
		value, err := attribute.Parse(raw)
		if refusal := new(fakeaws.Error); errors.As(err, &refusal) && refusal.Message != "" {
			return attribute.ValidationException(parameter + " contains invalid value: " +
				refusal.Message + " for key " + said)
		}
		if err != nil {
			return err
		}
		p.values[said] = value
	}
	return nil
}

func checkGiven[V any](parameter string, given map[string]V, absent string) error {
	switch {
	case given == nil:
		return nil
	case absent != "":
		return attribute.ValidationException(parameter + " can only be specified when using expressions: " + absent)
	case len(given) == 0:
		return attribute.ValidationException(parameter + " must not be empty")
	}
	return nil
}

// checkUsed returns an error if a placeholder is unused.
func (p *placeholders) checkUsed() error {
	if err := checkAllUsed("ExpressionAttributeNames", p.names, p.used); err != nil {
		return err
	}
	return checkAllUsed("ExpressionAttributeValues", p.values, p.used)
}

func checkAllUsed[V any](parameter string, given map[string]V, used map[string]bool) error {
	unused := slices.DeleteFunc(slices.Sorted(maps.Keys(given)), func(said string) bool { return used[said] })
	if len(unused) > 0 {
		return attribute.ValidationException("Value provided in " + parameter + " unused in expressions: keys: {" +
			strings.Join(unused, ", ") + "}")
	}
	return nil
}
