package awswire

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// placeholder is a substitute for a name: "#c".
	placeholder = regexp.MustCompile(`^#[a-zA-Z0-9_]+$`)
	// plainName is a name that an expression may hold without a substitute.
	plainName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]*$`)
)

// parseProjection returns the attributes that a ProjectionExpression names, or
// nil where there is none. Only whole attributes are emulated, no paths into
// them.
func parseProjection(expression *string, substitutes map[string]string) ([]string, error) {
	if err := checkSubstitutes(expression, substitutes); err != nil || expression == nil {
		return nil, err
	}
	if strings.TrimSpace(*expression) == "" {
		return nil, invalidProjection("The expression can not be empty;")
	}
	names := []string{}
	var used []string
	for path := range strings.SplitSeq(*expression, ",") {
		name := strings.TrimSpace(path)
		switch {
		case placeholder.MatchString(name):
			used = append(used, name)
			substituted, ok := substitutes[name]
			if !ok {
				return nil, invalidProjection("An expression attribute name used in the document path is not defined; attribute name: " + name)
			}
			name = substituted
		case plainName.MatchString(name):
			if reserved(name) {
				return nil, invalidProjection("Attribute name is a reserved keyword; reserved keyword: " + name)
			}
		case strings.ContainsAny(name, ".["):
			return nil, invalidProjection("Paths into attributes are not emulated on this endpoint;")
		default:
			return nil, invalidProjection("Syntax error; near: \"" + *expression + "\"")
		}
		if slices.Contains(names, name) {
			return nil, invalidProjection("Two document paths overlap with each other; must remove or rewrite one of these paths; " +
				"path one: [" + name + "], path two: [" + name + "]")
		}
		names = append(names, name)
	}
	for key := range substitutes {
		if !slices.Contains(used, key) {
			return nil, invalid("Value provided in ExpressionAttributeNames unused in expressions: keys: {" + key + "}")
		}
	}
	return names, nil
}

func checkSubstitutes(expression *string, substitutes map[string]string) error {
	if substitutes == nil {
		return nil
	}
	if expression == nil {
		return invalid("ExpressionAttributeNames can only be specified when using expressions")
	}
	if len(substitutes) == 0 {
		return invalid("ExpressionAttributeNames must not be empty")
	}
	for key, name := range substitutes {
		if !placeholder.MatchString(key) {
			return invalid("ExpressionAttributeNames contains invalid key: Syntax error; key: \"" + key + "\"")
		}
		if name == "" {
			return invalid("ExpressionAttributeNames contains invalid value: Empty attribute name for key " + key)
		}
	}
	return nil
}

func invalidProjection(reason string) error {
	return invalid("Invalid ProjectionExpression: " + reason)
}
