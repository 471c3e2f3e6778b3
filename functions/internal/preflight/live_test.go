package preflight_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/preflight"
)

// If the key or name changes, the new version uses another table, which must not be empty.
func TestTheTableOfTheLiveVersionIsKept(t *testing.T) {
	const name = "live version's table"
	users := customers.Table{Name: "users", Key: "user_id", Attribute: "customer_id"}
	other := func(change func(*customers.Table)) customers.Table {
		table := users
		change(&table)
		return table
	}
	var many []string
	for i := range 8 {
		many = append(many, item(fmt.Sprint("user", i), fmt.Sprint("cus_", i), ""))
	}
	const none, one = `{"Items":[],"Count":0}`, `{"Items":[{"user_id":{"S":"u1"}}],"Count":1}`
	for test, c := range map[string]struct {
		table          customers.Table
		new, live      answer
		status         preflight.Status
		detail, advice string
	}{
		"the same table": {users, fails("NotAsked"), fails("NotAsked"),
			preflight.OK, "it is the same table", ""},
		"another attribute": {other(func(t *customers.Table) { t.Attribute = "x" }), items(many...),
			fails("NotAsked"), preflight.Problem,
			"the live version finds a customer in 8 of 8 items, the new version in 0", compareItems},
		"another format": {other(func(t *customers.Table) { t.KeyFormat = "U#{user}" }), items(many...),
			fails("NotAsked"), preflight.Problem,
			"the live version finds a customer in 8 of 8 items, the new version in 0", compareItems},
		"another format, a few items": {other(func(t *customers.Table) { t.KeyFormat = "U#{user}" }),
			items(many[:6]...), fails("NotAsked"), preflight.Warning,
			"the live version finds a customer in 6 of 6 items, the new version in 0", compareItems},
		"another format, items in both": {other(func(t *customers.Table) { t.KeyFormat = "U#{user}" }),
			items(append(many[:7:7], item("U#u1", "cus_1", ""))...), fails("NotAsked"),
			preflight.OK, "it is the same table", ""},
		"another format, no customers": {other(func(t *customers.Table) { t.KeyFormat = "U#{user}" }),
			items(`{"user_id":{"S":"u1"}}`), fails("NotAsked"), preflight.OK, "it is the same table", ""},
		"another format, unreadable": {other(func(t *customers.Table) { t.KeyFormat = "U#{user}" }),
			fails("AccessDeniedException"), fails("NotAsked"), preflight.OK,
			"it is the same table; its items were not checked", ""},
		"another key, empty": {other(func(t *customers.Table) { t.Name, t.Key = "new", "pk" }), found(none),
			found(one), preflight.Problem, "the new table new (pk) is empty, and the live version uses users " +
				"(user_id): every user would be without a billing account", moveItems},
		"another sort key, empty": {other(func(t *customers.Table) { t.SortKey, t.SortValue = "sk", "B" }),
			found(none), found(one), preflight.Problem, "the new table users (user_id, sk) is empty, and the live " +
				"version uses users (user_id): every user would be without a billing account", moveItems},
		"another name, empty": {other(func(t *customers.Table) { t.Name = "new" }), found(none), found(one),
			preflight.Problem, "the new table new (user_id) is empty, and the live version uses users (user_id): " +
				"every user would be without a billing account", moveItems},
		"another name, with items": {other(func(t *customers.Table) { t.Name = "new" }), found(one),
			fails("NotAsked"), preflight.OK, "the new version uses another table, which has items", ""},
		"both are empty": {other(func(t *customers.Table) { t.Name = "new" }), found(none), found(none),
			preflight.OK, "the new version uses another table, and both are empty", ""},
		"no permission to read the live table": {other(func(t *customers.Table) { t.Name = "new" }), found(none),
			fails("AccessDeniedException"), preflight.Problem,
			"the new table new (user_id) is empty, and the live version's table " +
				"users (user_id) cannot be read: dynamodb " +
				"Scan: AccessDeniedException", moveItems},
		"the live table does not exist": {other(func(t *customers.Table) { t.Name = "new" }), found(none),
			fails("ResourceNotFoundException"), preflight.Problem,
			"the new table new (user_id) is empty, and the live version's table " +
				"users (user_id) cannot be read: dynamodb " +
				"Scan: ResourceNotFoundException", moveItems},
		"the live table is too slow": {other(func(t *customers.Table) { t.Name = "new" }), found(none),
			answer{hangs: true}, preflight.Warning, "dynamodb Scan: no answer in time", tryAgain},
		"no permission to read the new table": {other(func(t *customers.Table) { t.Name = "new" }),
			fails("AccessDeniedException"), found(one), preflight.Warning,
			"dynamodb:Scan is denied on the new table, so it is unknown whether the table is empty",
			"Grant dynamodb:Scan to enable this check."},
		"the new table does not exist": {other(func(t *customers.Table) { t.Name = "new" }),
			fails("ResourceNotFoundException"), found(one), preflight.Problem,
			"dynamodb Scan: ResourceNotFoundException", noSuchTable},
		"the new table is throttled": {other(func(t *customers.Table) { t.Name = "new" }),
			fails("ThrottlingException"), found(one), preflight.Warning,
			"dynamodb Scan: ThrottlingException", tryAgain},
	} {
		t.Run(test, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				check := preflight.UsersKept(dynamoDB(t, amazon{"Scan": c.new}), c.table,
					dynamoDB(t, amazon{"Scan": c.live}), users)
				requireFinding(t, check, name, c.status, c.detail, c.advice)
			})
		})
	}
}

// AWS charges for every item that a scan reads.
func TestAtMostOneItemIsReadToSeeWhetherATableIsEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		client := dynamoDB(t, amazon{"Scan": found(`{"Items":[],"Count":0}`)},
			func(body string) { asked = append(asked, body) })
		one, two := customers.Table{Name: "one", Key: "user_id"}, customers.Table{Name: "two", Key: "user_id"}
		requireFinding(t, preflight.UsersKept(client, one, client, two), "live version's table", preflight.OK,
			"the new version uses another table, and both are empty", "")
		if want := []string{`{"Limit":1,"TableName":"one"}`,
			`{"Limit":1,"TableName":"two"}`}; !slices.Equal(asked, want) {
			t.Errorf("asked %v, want %v", asked, want)
		}
	})
}

func TestTheHookReadsTheLiveVersion(t *testing.T) {
	missing := answer{status: http.StatusNotFound,
		header: http.Header{"X-Amzn-Errortype": {"ResourceNotFoundException"}}, body: `{"Message":"MARKERx7Q"}`}
	denied := answer{status: http.StatusForbidden, header: http.Header{"X-Amzn-Errortype": {"AccessDeniedException"}},
		body: `{"Message":"MARKERx7Q"}`}
	for name, test := range map[string]struct {
		live    answer
		want    string // the variable NAME; "" without a live version
		report  string
		finding bool
	}{
		"a version": {found(`{"Version":"6","Environment":{"Variables":{"NAME":"live"}}}`),
			"live", "Succeeded", false},
		"no alias yet":  {missing, "", "Succeeded", false},
		"no variables":  {found(`{"Version":"6"}`), "", "Succeeded", false},
		"no permission": {denied, "", "Failed", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &control{configurations: map[string]answer{"live": test.live}}
				lines, _, err := c.run(t, func(h *preflight.Hook) {
					h.Look = func(_ context.Context, versions preflight.Environments) []preflight.Finding {
						if versions.Live["NAME"] != test.want || (test.want == "") != (versions.Live == nil) ||
							versions.Portal["NAME"] != "portal" {
							t.Errorf("looked with %+v", versions)
						}
						return nil
					}
				})
				if err != nil || len(c.reports) != 1 || !strings.Contains(c.reports[0], `"status":"`+test.report+`"`) {
					t.Errorf("%v, reported %v", err, c.reports)
				}
				has := false
				for _, line := range lines {
					has = has || line["name"] == "live version" && line["level"] == "ERROR"
				}
				if has != test.finding {
					t.Errorf("%v", lines)
				}
			})
		})
	}
}
