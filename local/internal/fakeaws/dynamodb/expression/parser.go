package expression

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"billingportal/local/internal/fakeaws/dynamodb/attribute"
)

// parser reads an expression from left to right.
type parser struct {
	kind   string   // the parameter, for example "UpdateExpression"; every error starts with it
	tokens []string // the tokens that are not read yet
	last   string   // the token before tokens
	*placeholders
}

// token matches a name, a placeholder, a number, an operator, or one character that expressions do
// not allow.
var token = regexp.MustCompile(`[#:][a-zA-Z0-9_]+|[a-zA-Z][a-zA-Z0-9_]*|[0-9]+|<>|<=|>=|\S`)

// newParser returns a parser of an expression, or nil if expression is nil.
func newParser(kind string, expression *string, placeholders *placeholders) (*parser, error) {
	if expression == nil {
		return nil, nil
	}
	p := &parser{kind: kind, tokens: token.FindAllString(*expression, -1), placeholders: placeholders}
	if *expression == "" {
		return nil, p.invalid("The expression can not be empty;")
	}
	return p, nil
}

// peek returns the next token, or "" at the end.
func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	p.last = p.peek()
	if len(p.tokens) > 0 {
		p.tokens = p.tokens[1:]
	}
	return p.last
}

// accept takes the next token if it equals want. Keywords are not case-sensitive.
func (p *parser) accept(want string) bool {
	if !strings.EqualFold(p.peek(), want) {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(want string) error {
	if !p.accept(want) {
		return p.syntaxError()
	}
	return nil
}

// path reads a path into an item: names or their placeholders, joined by dots.
func (p *parser) path() (Path, error) {
	var parsed Path
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, name)
		if p.peek() == "[" {
			return nil, p.invalid("Elements of lists are not emulated on this endpoint;")
		}
		if !p.accept(".") {
			return parsed, nil
		}
	}
}

func (p *parser) name() (string, error) {
	switch said := p.peek(); {
	case strings.HasPrefix(said, "#") && len(said) > 1:
		p.next()
		p.used[said] = true
		name, ok := p.names[said]
		if !ok {
			return "", p.invalid("An expression attribute name used in the document path is not defined; attribute " +
				"name: " + said)
		}
		return name, nil
	case !isName(said):
		return "", p.syntaxError()
	case reserved(said):
		return "", p.invalid("Attribute name is a reserved keyword; reserved keyword: " + said)
	}
	return p.next(), nil
}

// isName reports whether a token is a name.
func isName(token string) bool {
	return token != "" && (token[0]|0x20 >= 'a' && token[0]|0x20 <= 'z')
}

// value reads the placeholder of a value.
func (p *parser) value() (attribute.Value, error) {
	said := p.peek()
	if !strings.HasPrefix(said, ":") || len(said) == 1 {
		return attribute.Value{}, p.syntaxError()
	}
	p.next()
	p.used[said] = true
	value, ok := p.values[said]
	if !ok {
		return attribute.Value{},
			p.invalid("An expression attribute value used in expression is not defined; attribute value: " + said)
	}
	return value, nil
}

func (p *parser) syntaxError() error {
	token := p.peek()
	if token == "" {
		token = "<EOF>"
	}
	return p.invalid(fmt.Sprintf("Syntax error; token: %q, near: %q", token, strings.TrimSpace(p.last+" "+p.peek())))
}

func (p *parser) invalid(reason string) error {
	return attribute.ValidationException("Invalid " + p.kind + ": " + reason)
}

// disjoint returns an error if two paths are equal or one leads through the other.
func (p *parser) disjoint(paths []Path) error {
	for i, one := range paths {
		for _, two := range paths[i+1:] {
			shorter := min(len(one), len(two))
			if slices.Equal(one[:shorter], two[:shorter]) {
				return p.invalid("Two document paths overlap with each other; must remove or rewrite one of these " +
					"paths; path one: " + one.String() + ", path two: " + two.String())
			}
		}
	}
	return nil
}
