// Package config reads the variables that the functions share, and builds the clients that they
// describe.
package config

import (
	"regexp"
	"slices"
	"strings"

	"billingportal/functions/app"
)

// Environment reads variables and collects errors. An empty variable counts as absent, because a
// template passes empty parameters on.
type Environment struct {
	getenv func(string) string
	errors []string
	names  []string // names of the wrong variables, in the order of errors
}

// NewEnvironment returns an environment that has read no variable yet.
func NewEnvironment(getenv func(string) string) *Environment { return &Environment{getenv: getenv} }

// A Fallback says what an absent variable means: an error, no value, or a default.
type Fallback struct {
	value      string
	isRequired bool
}

var (
	// Required makes an absent variable an error.
	Required = Fallback{isRequired: true}
	// Optional gives an absent variable no value.
	Optional = Fallback{}
)

// Default gives an absent variable this value.
func Default(value string) Fallback { return Fallback{value: value} }

// Err returns nil, or an [app.EnvironmentError] that names every wrong variable.
func (e *Environment) Err() error {
	if len(e.errors) == 0 {
		return nil
	}
	return &app.EnvironmentError{Wrong: e.errors}
}

// Wrong records that a variable is wrong. It never repeats the value, which could be a secret in
// the wrong place.
func (e *Environment) Wrong(name, problem string) {
	e.errors = append(e.errors, name+" "+problem)
	e.names = append(e.names, name)
}

// IsWrong reports whether Wrong was called for a variable.
func (e *Environment) IsWrong(name string) bool { return slices.Contains(e.names, name) }

// Value returns a variable or its default; ok is false if it has neither.
func (e *Environment) Value(name string, fallback Fallback) (value string, ok bool) {
	if value := strings.TrimSpace(e.getenv(name)); value != "" {
		return value, true
	}
	if fallback.isRequired {
		e.Wrong(name, "is required")
	}
	return fallback.value, fallback.value != ""
}

// Required returns a variable that must be set.
func (e *Environment) Required(name string) string {
	value, _ := e.Value(name, Required)
	return value
}

// Optional returns a variable, or "" if it is not set.
func (e *Environment) Optional(name string) string {
	value, _ := e.Value(name, Optional)
	return value
}

// Matching returns a variable that must match a pattern.
func (e *Environment) Matching(name string, fallback Fallback, pattern *regexp.Regexp, problem string) string {
	value, ok := e.Value(name, fallback)
	if ok && !pattern.MatchString(value) {
		e.Wrong(name, problem)
	}
	return value
}

// OneOf returns a variable that must have one of the allowed values.
func (e *Environment) OneOf(name string, fallback Fallback, allowed ...string) string {
	value, ok := e.Value(name, fallback)
	if ok && !slices.Contains(allowed, value) {
		e.Wrong(name, "must be one of "+strings.Join(allowed, ", "))
	}
	return value
}

// List returns the items of a comma-separated list. Each must match the pattern.
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

// Names returns the sorted names of the variables that a reader asks for. It calls the reader with
// no variable set: readers ask for every variable then. A list of names would be a second place to
// edit for each new variable.
func Names[C any](read func(getenv func(string) string) (C, error)) []string {
	var names []string
	_, _ = read(func(name string) string {
		names = append(names, name)
		return ""
	})
	slices.Sort(names)
	return slices.Compact(names)
}
