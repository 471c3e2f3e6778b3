// Package config reads the parts of the environment that the functions share, and makes the clients
// that it describes.
package config

import (
	"regexp"
	"slices"
	"strings"

	"billingportal/functions/app"
)

// Environment reads variables and collects what is wrong with them. An empty variable counts as
// absent: a template passes empty parameters on.
type Environment struct {
	getenv func(string) string
	errors []string
	names  []string // of the wrong variables, in the order of errors
}

// NewEnvironment returns an environment of which nothing is read yet.
func NewEnvironment(getenv func(string) string) *Environment { return &Environment{getenv: getenv} }

// A Fallback says what an absent variable means.
type Fallback struct {
	value      string
	isRequired bool
}

var (
	// Required is for a variable that must be there.
	Required = Fallback{isRequired: true}
	// Optional is for a variable that may be absent and has no default.
	Optional = Fallback{}
)

// Default is for a variable that may be absent.
func Default(value string) Fallback { return Fallback{value: value} }

// Err is nil, or an [app.EnvironmentError] that names every variable that is wrong.
func (e *Environment) Err() error {
	if len(e.errors) == 0 {
		return nil
	}
	return &app.EnvironmentError{Wrong: e.errors}
}

// Wrong notes what is wrong with a variable. It never repeats the value: it could be a secret in
// the wrong place.
func (e *Environment) Wrong(name, problem string) {
	e.errors = append(e.errors, name+" "+problem)
	e.names = append(e.names, name)
}

// IsWrong reports whether something is wrong with a variable.
func (e *Environment) IsWrong(name string) bool { return slices.Contains(e.names, name) }

// Value returns a variable or its default, and whether there is either.
func (e *Environment) Value(name string, fallback Fallback) (value string, ok bool) {
	if value := strings.TrimSpace(e.getenv(name)); value != "" {
		return value, true
	}
	if fallback.isRequired {
		e.Wrong(name, "is required")
	}
	return fallback.value, fallback.value != ""
}

// Required returns a variable that must be there.
func (e *Environment) Required(name string) string {
	value, _ := e.Value(name, Required)
	return value
}

// Optional returns a variable, or "" if it is absent.
func (e *Environment) Optional(name string) string {
	value, _ := e.Value(name, Optional)
	return value
}

// Matching returns a variable that has a pattern.
func (e *Environment) Matching(name string, fallback Fallback, pattern *regexp.Regexp, problem string) string {
	value, ok := e.Value(name, fallback)
	if ok && !pattern.MatchString(value) {
		e.Wrong(name, problem)
	}
	return value
}

// OneOf returns a variable that has one of a few values.
func (e *Environment) OneOf(name string, fallback Fallback, allowed ...string) string {
	value, ok := e.Value(name, fallback)
	if ok && !slices.Contains(allowed, value) {
		e.Wrong(name, "must be one of "+strings.Join(allowed, ", "))
	}
	return value
}

// List returns the items of a comma-separated list.
func (e *Environment) List(name string, fallback Fallback, pattern *regexp.Regexp, problem string) []string {
	value, ok := e.Value(name, fallback)
	if !ok {
		return nil
	}
	items := strings.Split(value, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
		if !pattern.MatchString(items[i]) {
			e.Wrong(name, problem+" (a comma-separated list)")
			return nil
		}
	}
	return items
}

// Names are the variables that a reader asks for, sorted. A reader asks for each of them if none is
// set.
func Names[C any](read func(getenv func(string) string) (C, error)) []string {
	var names []string
	_, _ = read(func(name string) string {
		names = append(names, name)
		return ""
	})
	slices.Sort(names)
	return slices.Compact(names)
}
