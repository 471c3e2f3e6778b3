package expression

import (
	"slices"
	"strings"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

// action is one change of an update, at the end of a path. It sees the item before all changes of
// the update.
type action struct {
	path   Path
	change func(before map[string]attribute.Value) change
}

// Update is the list of changes in an UpdateExpression. All of them apply at once.
type Update []action

// parseUpdate reads an UpdateExpression. Without an expression nothing changes.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
func parseUpdate(expression *string, placeholders *placeholders) (Update, error) {
	p, err := newParser("UpdateExpression", expression, placeholders)
	if p == nil {
		return nil, err
	}
	var actions Update
	var seen []string
	for {
		section := strings.ToUpper(p.peek())
		var read func() (action, error)
		switch section {
		case "SET":
			read = p.set
		case "REMOVE":
			read = p.remove
		case "ADD":
			read = p.add
		case "DELETE":
			read = p.delete
		default:
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
			return actions, p.disjoint(actions.Paths())
		}
	}
}

// Paths returns the path of each change.
func (u Update) Paths() []Path {
	paths := make([]Path, len(u))
	for i, action := range u {
		paths[i] = action.path
	}
	return paths
}

// Apply returns a copy of the item with all changes made. A new item starts with its key.
func (u Update) Apply(before, key map[string]attribute.Value) (map[string]attribute.Value, error) {
	after := before
	if after == nil {
		after = key
	}
	for _, action := range u {
		var err error
		if after, err = action.path.changed(after, action.change(before)); err != nil {
			return nil, err
		}
	}
	return after, nil
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
	return action{place, func(before map[string]attribute.Value) change {
		return func(attribute.Value, bool) (attribute.Value, bool, error) {
			value, ok := source.in(before)
			if !ok {
				return value, false, attribute.ValidationException("The provided expression refers to an attribute " +
					"that does not exist in the item")
			}
			return value, true, nil
		}
	}}, nil
}

func (p *parser) remove() (action, error) {
	place, err := p.path()
	return action{place, func(map[string]attribute.Value) change {
		return func(attribute.Value, bool) (attribute.Value, bool, error) { return attribute.Value{}, false, nil }
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
	if _, isSet := value.Content.([]string); !isSet && value.Kind != "N" {
		return action{},
			p.invalid("Incorrect operand type for operator or function; operator: ADD, operand type: " + value.Kind)
	}
	return action{place, func(map[string]attribute.Value) change {
		return func(old attribute.Value, present bool) (attribute.Value, bool, error) {
			if !present {
				return value, true, nil
			}
			sum, err := old.Plus(value)
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
	if _, isSet := value.Content.([]string); !isSet {
		return action{},
			p.invalid("Incorrect operand type for operator or function; operator: DELETE, operand type: " + value.Kind)
	}
	return action{place, func(map[string]attribute.Value) change {
		return func(old attribute.Value, present bool) (attribute.Value, bool, error) {
			if !present {
				return old, false, nil
			}
			rest, err := old.Minus(value)
			return rest, len(rest.Elements()) > 0, err
		}
	}}, nil
}
