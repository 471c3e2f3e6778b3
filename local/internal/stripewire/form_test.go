package stripewire

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// decode splits a form into its parameters, in the order sent.
func decode(t *testing.T, form string) []string {
	t.Helper()
	var lines []string
	for _, pair := range strings.Split(form, "&") {
		line, err := url.QueryUnescape(pair)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines) // the client's own order is that of its structs, which says nothing
	return lines
}

func TestFormSpellsATree(t *testing.T) {
	root, problem := parseForm("a=1&a=2&b[c][d]=3&l[2][x]=c&l[10][x]=d&l[0][x]=a&m[]=q")
	if problem != nil {
		t.Fatal(problem.Message)
	}
	if got := root.or("", "a"); got != "2" {
		t.Errorf("the last of repeated names counts: %q", got)
	}
	if got := root.at("b", "c", "d").name; got != "b[c][d]" {
		t.Errorf("name %q", got)
	}
	var order []string
	for _, element := range root.at("l").list() {
		order = append(order, element.or("", "x"))
	}
	if !slices.Equal(order, []string{"a", "c", "d"}) {
		t.Errorf("elements in the order %v", order)
	}
	if list := root.at("m").list(); len(list) != 1 || list[0].value != "q" {
		t.Errorf("an element without a number: %+v", list)
	}
	if root.text("b", "x", "y") != nil || root.at("b", "x", "y").list() != nil {
		t.Error("a path that ends early has a value")
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
				t.Error("accepted")
			}
		})
	}
}

// decodeList is a list's IDs, with a "+" where there is more.
func decodeList(t *testing.T, body string) string {
	t.Helper()
	var list struct {
		Object  string
		Data    []struct{ ID string }
		HasMore bool `json:"has_more"`
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil || list.Object != "list" || list.Data == nil {
		t.Fatalf("%v in %s", err, body)
	}
	var ids []string
	for _, entry := range list.Data {
		ids = append(ids, entry.ID)
	}
	if list.HasMore {
		ids = append(ids, "+")
	}
	return strings.Join(ids, " ")
}
