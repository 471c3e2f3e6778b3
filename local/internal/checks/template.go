// Package checks compares files that must agree and that no compiler compares, for example
// template.yaml and the functions.
package checks

import (
	"fmt"
	"regexp"
)

// template holds the parts of a CloudFormation template that the tests need.
type template struct {
	parameters map[string]parameter
	variables  map[string]map[string]string // environment of each function: name -> expression
}

type parameter struct {
	name       string
	value      string // the default
	hasDefault bool
	pattern    *regexp.Regexp // nil if the allowed values are listed
}

func parse(text string) (template, error) {
	document, err := parseOutline(text)
	if err != nil {
		return template{}, err
	}
	t := template{parameters: map[string]parameter{}, variables: map[string]map[string]string{}}
	parameters := document.at("Parameters")
	for _, name := range parameters.names {
		fields := parameters.at(name)
		p := parameter{name: name, value: fields.at("Default").value, hasDefault: fields.members["Default"] != nil}
		if pattern := fields.at("AllowedPattern").value; pattern != "" {
			if p.pattern, err = regexp.Compile(pattern); err != nil {
				return template{}, fmt.Errorf("parameter %s: %w", name, err)
			}
		}
		t.parameters[name] = p
	}
	resources := document.at("Resources")
	for _, name := range resources.names {
		variables := resources.at(name, "Properties", "Environment", "Variables")
		for _, variable := range variables.names {
			if t.variables[name] == nil {
				t.variables[name] = map[string]string{}
			}
			t.variables[name][variable] = variables.at(variable).value
		}
	}
	return t, nil
}
