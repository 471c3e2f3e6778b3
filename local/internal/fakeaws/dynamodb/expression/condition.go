package expression

import (
	"reflect"
	"slices"
	"strings"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

// Condition reports whether an item meets a condition. An item that does not exist has no
// attributes.
type Condition func(item map[string]attribute.Value) bool

// parseCondition reads a ConditionExpression. Without an expression the condition is always true.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
func parseCondition(expression *string, placeholders *placeholders) (Condition, error) {
	p, err := newParser("ConditionExpression", expression, placeholders)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return func(map[string]attribute.Value) bool { return true }, nil
	}
	parsed, err := p.disjunction()
	if err == nil && p.peek() != "" {
		err = p.syntaxError()
	}
	return parsed, err
}

func (p *parser) disjunction() (Condition, error) {
	return p.joined("OR", p.conjunction, func(one, two Condition) Condition {
		return func(item map[string]attribute.Value) bool { return one(item) || two(item) }
	})
}

func (p *parser) conjunction() (Condition, error) {
	return p.joined("AND", p.negation, func(one, two Condition) Condition {
		return func(item map[string]attribute.Value) bool { return one(item) && two(item) }
	})
}

// joined reads conditions that are joined by an operator.
func (p *parser) joined(operator string, operand func() (Condition, error),
	join func(one, two Condition) Condition) (Condition, error) {
	parsed, err := operand()
	for err == nil && p.accept(operator) {
		var right Condition
		right, err = operand()
		parsed = join(parsed, right)
	}
	return parsed, err
}

func (p *parser) negation() (Condition, error) {
	if !p.accept("NOT") {
		return p.primary()
	}
	negated, err := p.negation()
	return func(item map[string]attribute.Value) bool { return !negated(item) }, err
}

func (p *parser) primary() (Condition, error) {
	switch {
	case p.peek() == "(":
		return p.parenthesized()
	case len(p.tokens) > 1 && p.tokens[1] == "(":
		return p.function()
	}
	return p.comparison()
}

// parenthesized reads a condition in parentheses. DynamoDB rejects double parentheses.
func (p *parser) parenthesized() (Condition, error) {
	p.next()
	doubled := p.peek() == "(" && closing(p.tokens[1:])+2 == closing(p.tokens)
	parsed, err := p.disjunction()
	if err == nil {
		err = p.expect(")")
	}
	if err == nil && doubled {
		err = p.invalid("The expression has redundant parentheses;")
	}
	return parsed, err
}

// closing returns the index of the token that closes the parenthesis before tokens.
func closing(tokens []string) int {
	depth := 1
	for i, token := range tokens {
		switch token {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 {
			return i
		}
	}
	return len(tokens)
}

// operand is a value or a path.
type operand struct {
	path  Path // nil for a value
	value attribute.Value
}

func (o operand) in(item map[string]attribute.Value) (attribute.Value, bool) {
	if o.path == nil {
		return o.value, true
	}
	return o.path.in(item)
}

func (p *parser) operand() (operand, error) {
	if strings.HasPrefix(p.peek(), ":") {
		value, err := p.value()
		return operand{value: value}, err
	}
	path, err := p.path()
	return operand{path: path}, err
}

func (p *parser) comparison() (Condition, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	operator := strings.ToUpper(p.peek())
	switch operator {
	case "=", "<>":
		p.next()
	case "<", "<=", ">", ">=", "BETWEEN", "IN":
		return nil, p.invalid("The operator " + operator + " is not emulated on this endpoint;")
	default:
		return nil, p.syntaxError()
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	if left.path != nil && slices.Equal(left.path, right.path) {
		return nil, p.invalid("The first operand must be distinct from the remaining operands for this operator or " +
			"function; operator: " + operator + ", first operand: " + left.path.String())
	}
	return func(item map[string]attribute.Value) bool {
		one, isOne := left.in(item)
		two, isTwo := right.in(item)
		return (isOne && isTwo && reflect.DeepEqual(one, two)) == (operator == "=")
	}, nil
}
