package fakestripe

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// decode splits a form into its decoded parameters, in the order sent.
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
	slices.Sort(lines) // the order of the client comes from its structs and does not matter
	return lines
}

// decodeList returns the IDs in a list, followed by "+" if there are more.
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
