// Package checks holds what has to agree between files that no compiler sees: template.yaml and the functions.
package checks

import (
	"fmt"
	"regexp"
	"strings"
)

// template is what the tests need of template.yaml, which has one scalar in a line where it matters: enough for a
// reader of lines, so that no YAML parser with CloudFormation's tags has to be had.
type template struct {
	parameters map[string]parameter
	variables  map[string]map[string]string // of each function's environment: name -> expression
}

type parameter struct {
	name       string
	value      string // the default
	hasDefault bool
	pattern    *regexp.Regexp // nil: the allowed values are listed
}

var (
	topLevel       = regexp.MustCompile(`^([A-Za-z]+):`)
	parameterName  = regexp.MustCompile(`^  ([A-Za-z]+):$`)
	parameterField = regexp.MustCompile(`^    (Default|AllowedPattern): (.*)$`)
	variable       = regexp.MustCompile(`^          ([A-Z_]+): (.+)$`)
)

func parse(text string) (template, error) {
	t := template{parameters: map[string]parameter{}, variables: map[string]map[string]string{}}
	var section, name string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := topLevel.FindStringSubmatch(line); m != nil {
			section = m[1]
		}
		switch section {
		case "Parameters":
			if m := parameterName.FindStringSubmatch(line); m != nil {
				name = m[1]
				t.parameters[name] = parameter{name: name}
			} else if m := parameterField.FindStringSubmatch(line); m != nil {
				p := t.parameters[name]
				if err := p.set(m[1], scalar(m[2])); err != nil {
					return template{}, fmt.Errorf("parameter %s: %w", name, err)
				}
				t.parameters[name] = p
			}
		case "Resources":
			if m := parameterName.FindStringSubmatch(line); m != nil {
				name = m[1]
			} else if m := variable.FindStringSubmatch(line); m != nil {
				if t.variables[name] == nil {
					t.variables[name] = map[string]string{}
				}
				t.variables[name][m[1]] = m[2]
			}
		}
	}
	return t, nil
}

func (p *parameter) set(field, value string) error {
	if field == "Default" {
		p.value, p.hasDefault = value, true
		return nil
	}
	var err error
	p.pattern, err = regexp.Compile(value)
	return err
}

// scalar reads a plain or single-quoted YAML scalar.
func scalar(s string) string {
	if inner, ok := strings.CutPrefix(s, "'"); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "'"), "''", "'")
	}
	return s
}
