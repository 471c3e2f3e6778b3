package api

import (
	"slices"
	"testing"
)

func TestFormIsParsedToATree(t *testing.T) {
	root, problem := parseForm("a=1&a=2&b[c][d]=3&l[2][x]=c&l[10][x]=d&l[0][x]=a&m[]=q")
	if problem != nil {
		t.Fatal(problem.Message)
	}
	if got := root.or("", "a"); got != "2" {
		t.Errorf("got %q for a repeated name, want the last value", got)
	}
	if got := root.at("b", "c", "d").name; got != "b[c][d]" {
		t.Errorf("the full name is %q", got)
	}
	var order []string
	for _, element := range root.at("l").list() {
		order = append(order, element.or("", "x"))
	}
	if !slices.Equal(order, []string{"a", "c", "d"}) {
		t.Errorf("elements are in the order %v", order)
	}
	if list := root.at("m").list(); len(list) != 1 || list[0].value != "q" {
		t.Errorf("the list with an element without a number is %+v", list)
	}
	if root.text("b", "x", "y") != nil || root.at("b", "x", "y").list() != nil {
		t.Error("a path without a node has a value")
	}
}

func TestFormRefuses(t *testing.T) {
	for name, form := range map[string]string{
		"bad escapes":                    "a=%zz",
		"an open bracket":                "a[b=1",
		"a value that is also an object": "a=1&a[b]=2&a[b][c]=3",
	} {
		t.Run(name, func(t *testing.T) {
			if _, problem := parseForm(form); problem == nil {
				t.Error("parseForm returned no error")
			}
		})
	}
}
