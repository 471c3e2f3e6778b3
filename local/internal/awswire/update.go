package awswire

import (
	"slices"
	"strings"
)

// action is one of the changes of an update, at the end of a path. It sees the
// item as it was before any of them.
type action struct {
	path   path
	change func(before map[string]attribute) change
}

// parseUpdate reads an UpdateExpression; without one nothing changes.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
func parseUpdate(expression *string, placeholders *placeholders) ([]action, error) {
	p, err := newParser("UpdateExpression", expression, placeholders)
	if p == nil {
		return nil, err
	}
	var actions []action
	var seen []string
	for {
		section := strings.ToUpper(p.peek())
		read := map[string]func() (action, error){"SET": p.set, "REMOVE": p.remove, "ADD": p.add, "DELETE": p.delete}[section]
		if read == nil {
			return nil, p.syntaxError()
		}
		if slices.Contains(seen, section) {
			return nil, p.invalid("The \"" + section + "\" section can only be used once in an update expression;")
		}
		seen = append(seen, section)
		p.next()
		for more := true; more; more = p.accept(",") {
			parsed, err := read()
			if err != nil {
				return nil, err
			}
			actions = append(actions, parsed)
		}
		if p.peek() == "" {
			return actions, p.disjoint(pathsOf(actions))
		}
	}
}

func pathsOf(actions []action) []path {
	paths := make([]path, len(actions))
	for i, action := range actions {
		paths[i] = action.path
	}
	return paths
}

func (p *parser) set() (action, error) {
	place, err := p.path()
	if err != nil {
		return action{}, err
	}
	if err := p.expect("="); err != nil {
		return action{}, err
	}
	if len(p.tokens) > 1 && p.tokens[1] == "(" {
		return action{}, p.invalid("The function " + p.peek() + " is not emulated on this endpoint;")
	}
	source, err := p.operand()
	if err != nil {
		return action{}, err
	}
	if p.peek() == "+" || p.peek() == "-" {
		return action{}, p.invalid("Arithmetic is not emulated on this endpoint;")
	}
	return action{place, func(before map[string]attribute) change {
		return func(attribute, bool) (attribute, bool, error) {
			value, ok := source.in(before)
			if !ok {
				return value, false, invalid("The provided expression refers to an attribute that does not exist in the item")
			}
			return value, true, nil
		}
	}}, nil
}

func (p *parser) remove() (action, error) {
	place, err := p.path()
	return action{place, func(map[string]attribute) change {
		return func(attribute, bool) (attribute, bool, error) { return attribute{}, false, nil }
	}}, err
}

func (p *parser) add() (action, error) {
	place, err := p.path()
	if err != nil {
		return action{}, err
	}
	value, err := p.value()
	if err != nil {
		return action{}, err
	}
	if _, isSet := value.value.([]string); !isSet && value.kind != "N" {
		return action{}, p.invalid("Incorrect operand type for operator or function; operator: ADD, operand type: " + value.kind)
	}
	return action{place, func(map[string]attribute) change {
		return func(old attribute, present bool) (attribute, bool, error) {
			if !present {
				return value, true, nil
			}
			sum, err := old.plus(value)
			return sum, true, err
		}
	}}, nil
}

func (p *parser) delete() (action, error) {
	place, err := p.path()
	if err != nil {
		return action{}, err
	}
	value, err := p.value()
	if err != nil {
		return action{}, err
	}
	if _, isSet := value.value.([]string); !isSet {
		return action{}, p.invalid("Incorrect operand type for operator or function; operator: DELETE, operand type: " + value.kind)
	}
	return action{place, func(map[string]attribute) change {
		return func(old attribute, present bool) (attribute, bool, error) {
			if !present {
				return old, false, nil
			}
			rest, err := old.minus(value)
			return rest, len(rest.elements()) > 0, err
		}
	}}, nil
}
