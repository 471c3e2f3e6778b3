package operator

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/fakestripe/account"
)

func (c *company) writer(table string) *operator.MappingWriter {
	mapping, _ := operator.ReadMapping(devserver.GetenvOf(map[string]string{"CUSTOMERS_TABLE": table}))
	return mapping.Writer(c.client)
}

// apply joins facts into the table as events do.
func (c *company) apply(t *testing.T, facts ...operator.Fact) {
	t.Helper()
	for _, fact := range facts {
		if _, _, err := c.writer(c.table).Join(t.Context(), fact); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *company) delete(t *testing.T, customer string, users ...string) {
	t.Helper()
	if err := c.writer(c.table).Delete(t.Context(), customer, users...); err != nil {
		t.Fatal(err)
	}
}

// put writes a mapping as an app does that writes into the table directly.
func (c *company) put(t *testing.T, user, customer string) {
	t.Helper()
	if err := c.DynamoDB.Put(c.table, map[string]any{"user_id": user, "customer_id": customer}); err != nil {
		t.Fatal(err)
	}
}

// If a file gives one customer to several users, no line of the customer is imported, however far
// apart the lines are: the file does not say which one is right.
func TestACustomerOfSeveralUsersOfAFile(t *testing.T) {
	t.Parallel()
	c := startCompany(t)
	var text strings.Builder
	text.WriteString("v1,cus_A\n")
	for i := range 1100 {
		fmt.Fprintf(&text, "w%d,cus_%d\n", i, i)
	}
	text.WriteString("v2,cus_A\nw7,cus_7\nv3,cus_A,1700000000\n")
	path := file(t, text.String())
	for _, arguments := range [][]string{nil, {"--dry-run"}} {
		refused := "3 were not imported"
		if len(arguments) > 0 {
			refused = "3 lines would not be imported"
		}
		c.enter(t, 0)
		report := filepath.Join(t.TempDir(), "report.csv")
		output, err := c.run(t, append(arguments, "--csv", path, "--report", report)...)
		if err == nil || !strings.Contains(err.Error(), refused) || !strings.HasPrefix(output, "1100 ") ||
			!strings.Contains(output, ", 3 conflicts, 0 malformed, 0 of deleted customers, 1 skipped") ||
			!strings.Contains(output,
				"First conflict: line 1, user \"v1\", customer cus_A: the user \"v2\" has this customer too") {
			t.Errorf("%v: %s", err, output)
		}
		if got := c.mappings(t); got["v1"]+got["v2"]+got["v3"] != "" || len(arguments) == 0 && len(got) != 1100 {
			t.Errorf("%d mappings, of v1 %q", len(got), got["v1"])
		}
		if got, want := lineNumbers(reported(t, report)["conflict"]),
			[]string{"1", "1102", "1104"}; !slices.Equal(got, want) {
			t.Errorf("conflicts in lines %v, want %v", got, want)
		}
	}
	c.enter(t, 0)
	output, err := c.run(t, "--csv", path, "--shared")
	if got := c.mappings(t); err != nil || len(got) != 1103 || got["v1"] != "cus_A" || got["v2"] != "cus_A" {
		t.Errorf("%v: %d mappings: %s", err, len(got), output)
	}
	if output, err := c.run(t, "--format", "dynamodb-json", "--out", filepath.Join(t.TempDir(), "items.json"), "--csv",
		path); err == nil || !strings.HasPrefix(output, "1100 written, 3 conflicts") {
		t.Errorf("%v: %s", err, output)
	}
}

// A customer that a user in the table already has is not given to another user, even if the file
// names both users.
func TestACustomerOfAUserOfTheTable(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	at := time.Unix(1_700_000_000, 0)
	c.put(t, "hand", "cus_1")
	c.apply(t,
		operator.Fact{User: "reference", Customer: "cus_2", Reference: at},
		operator.Fact{User: "metadata", Customer: "cus_3", Metadata: at},
		operator.Fact{User: "former", Customer: "cus_4", Metadata: at, Released: time.Unix(1_700_000_001, 0)},
		operator.Fact{User: "rich", Customer: "cus_5", Metadata: at},
		operator.Fact{User: "rich", Customer: "cus_6", Metadata: time.Unix(1_700_000_002, 0)},
	)
	before := c.mappings(t)
	path := file(t, "a,cus_1\nb,cus_2\nc,cus_3\nd,cus_4\ne,cus_5\nhand,cus_1\nmetadata,cus_3\n")
	report := filepath.Join(t.TempDir(), "report.csv")
	output, err := c.run(t, "--csv", path, "--dry-run", "--report", report)
	if err == nil || !strings.HasPrefix(output, "1 would be imported (0 known before), 6 conflicts") ||
		!maps.Equal(c.mappings(t), before) {
		t.Errorf("%v: %s", err, output)
	}
	output, err = c.run(t, "--csv", path, "--report", report)
	want := maps.Clone(before)
	want["d"] = "cus_4"
	if err == nil || !strings.HasPrefix(output, "1 imported (0 known before), 6 conflicts") ||
		!maps.Equal(c.mappings(t), want) {
		t.Errorf("%v, %v: %s", err, c.mappings(t), output)
	}
	rows := reported(t, report)["conflict"]
	if len(rows) != 6 || !slices.Equal(rows[0][:3], []string{"1", "a", "cus_1"}) ||
		!strings.Contains(rows[0][3], `"hand"`) {
		t.Errorf("%v", rows)
	}
	if output, err := c.run(t, "--csv", path, "--shared"); err != nil || c.mappings(t)["a"] != "cus_1" {
		t.Errorf("%v: %s", err, output)
	}
}

// Stripe's metadata names one user for each customer, and that claim counts. Another user may have
// the customer from another source.
func TestACustomerAtStripeOfSeveralUsers(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 5)
	c.put(t, "hand", "cus_1")
	c.apply(t, operator.Fact{User: "buyer", Customer: "cus_2", Reference: time.Unix(1_700_000_000, 0)})
	state, report := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "report.csv")
	for _, arguments := range [][]string{{"--dry-run"}, nil, {"--state", state}} {
		output, err := c.run(t, append(arguments, "--report", report)...)
		if err != nil || !strings.Contains(output, ", 4 conflicts, 0 malformed") || strings.Contains(output, "First") {
			t.Errorf("%v: %s", err, output)
		}
		var users []string
		for _, row := range reported(t, report)["conflict"] {
			users = append(users, row[1]+" "+row[2])
		}
		if want := []string{"hand cus_1", "u1 cus_1", "buyer cus_2", "u2 cus_2"}; !slices.Equal(users, want) {
			t.Errorf("%v, want %v", users, want)
		}
	}
	if got := c.mappings(t); got["u1"] != "cus_1" || got["u2"] != "cus_2" {
		t.Errorf("%v", got)
	}
	if output, err := c.run(t, "--state", state, "--report", report); err != nil ||
		!strings.Contains(output, ", 4 conflicts") ||
		!strings.Contains(output, "says that all of this was done before") {
		t.Errorf("%v: %s", err, output)
	}
	if output, err := c.run(t, "--shared"); err != nil || !strings.Contains(output, ", 0 conflicts") {
		t.Errorf("%v: %s", err, output)
	}
}

// Metadata that names a user now is newer than any release: it was set again within the same
// second, or the event for it was missed.
func TestImportRestoresReleasedClaims(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 3)
	created := c.now(t, "cus_0")
	now := time.Now().Unix()
	c.apply(t,
		operator.Fact{User: "u0", Customer: "cus_0", Metadata: time.Unix(now-10, 0), Released: time.Unix(now-10, 0)},
		operator.Fact{User: "u1", Customer: "cus_1", Released: time.Unix(now-5, 0)},
	)
	if got := c.mappings(t); len(got) != 0 {
		t.Fatalf("%v", got)
	}
	// A file is not newer than a release: it says when its claims were made, or it has no time.
	if output, err := c.run(t, "--csv", file(t, "u0,cus_0\n")); err == nil ||
		!strings.Contains(output, "1 released before") || c.mappings(t)["u0"] != "" {
		t.Errorf("%v: %s", err, output)
	}
	output, err := c.run(t)
	if want := map[string]string{"u0": "cus_0", "u1": "cus_1", "u2": "cus_2"}; err != nil ||
		!strings.HasPrefix(output, "3 imported") || !maps.Equal(c.mappings(t), want) {
		t.Errorf("%v, %v: %s", err, c.mappings(t), output)
	}
	if at := c.claimedAt(t); at["u0"] < now || at["u1"] < now || at["u2"] != created+2 {
		t.Errorf("claims at %v; it is %d, and cus_0 was created at %d", at, now, created)
	}
	// A release after the time of reading takes effect.
	c.apply(t, operator.Fact{User: "u0", Customer: "cus_0", Released: time.Unix(now+3600, 0)})
	if output, err := c.run(t); err != nil || c.mappings(t)["u0"] != "" ||
		!strings.Contains(output, "1 ended by later events") {
		t.Errorf("%v, %v: %s", err, c.mappings(t), output)
	}
}

// now returns the time at which a customer was created.
func (c *company) now(t *testing.T, customer string) (created int64) {
	t.Helper()
	c.Stripe.Change(func(d *account.Data) {
		for _, known := range d.Customers {
			if known.ID == customer {
				created = known.Created.Unix()
			}
		}
	})
	return created
}

// refusing makes DynamoDB refuse to change the items of some users, as it does with items that are
// too large.
func refusing(t *testing.T, c *company, users ...string) string {
	t.Helper()
	target, err := url.Parse(c.Origin)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, user := range users {
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".UpdateItem") &&
				bytes.Contains(body, []byte(`"Key":{"user_id":{"S":"`+user+`"}}`)) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"__type":"com.amazon.coral.validate#ValidationException","message":"Item `+
					`size to update has exceeded the maximum allowed size"}`)
				return
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + devserver.DynamoDBPath
}

// After a line that the table refuses, the import and the corrections of the other lines continue.
func TestALineThatTheTableRefuses(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	endpoint := refusing(t, c, "u2", "u4")
	report := filepath.Join(t.TempDir(), "report.csv")
	output, err := c.run(t, "--csv", file(t, "u1,cus_1\nu2,cus_2\nu3,cus_3\nu4,cus_4\nu5,cus_5\n"), "--endpoint-url",
		endpoint, "--report", report)
	if err == nil || !strings.Contains(err.Error(), "2 were not imported") ||
		!strings.HasPrefix(output, "3 imported") ||
		!strings.Contains(output, "First failed: line 2, user \"u2\", customer cus_2: ") ||
		!strings.Contains(output, "ValidationException") {
		t.Errorf("%v: %s", err, output)
	}
	if rows := reported(t, report)["failed"]; !slices.Equal(lineNumbers(rows), []string{"2", "4"}) &&
		!slices.Equal(lineNumbers(rows), []string{"4", "2"}) {
		t.Errorf("%v", rows)
	}
	if want := map[string]string{"u1": "cus_1", "u3": "cus_3", "u5": "cus_5"}; !maps.Equal(c.mappings(t), want) {
		t.Errorf("%v", c.mappings(t))
	}
	// A user ID that is too long for any key is found before a request is sent.
	c.env["CUSTOMERS_KEY_FORMAT"] = strings.Repeat("x", 2000) + "{user}"
	long := strings.Repeat("u", 100)
	if output, err := c.run(t, "--csv", file(t, long+",cus_6\nu7,cus_7\n")); err == nil ||
		!strings.HasPrefix(output, "1 imported") || !strings.Contains(output, "too long for the key of the table") {
		t.Errorf("%v: %s", err, output)
	}
	if output, err := c.run(t, "--csv", file(t, long+",cus_6\nu7,cus_7\n"), "--format", "dynamodb-json", "--out",
		filepath.Join(t.TempDir(), "out")); err == nil || !strings.HasPrefix(output, "1 written") {
		t.Errorf("%v: %s", err, output)
	}
}

// The summary names the first line of each kind that was not imported, with its reason, also after
// a run that was continued.
func TestTheFirstOfEachKindIsNamed(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	c.delete(t, "cus_3")
	c.apply(t, operator.Fact{User: "u4", Customer: "cus_4", Released: time.Unix(1_700_000_000, 0)})
	state := filepath.Join(t.TempDir(), "state")
	path := file(t, "u1,cus_1\nu2,cus_1\nu3,cus_3\nu4,cus_4\nu5,cus-5\nu6,cus-6\n")
	for range 2 {
		output, err := c.run(t, "--csv", path, "--state", state)
		for _, want := range []string{
			`First malformed: line 5, user "u5": the customer ID does not look like cus_…: copy it from Stripe`,
			`First conflict: line 1, user "u1", customer cus_1: the user "u2" has`,
			`First deleted: line 3, user "u3", customer cus_3: the customer was deleted at Stripe`,
			`First released: line 4, user "u4", customer cus_4: `,
		} {
			if err == nil || !strings.Contains(err.Error(), "6 were not imported") || !strings.Contains(output, want) {
				t.Errorf("%v: %s, want %s", err, output, want)
			}
		}
	}
}

// A user who registers an address in another case does not get the customer of that address.
func TestProposalsOfAddressesThatLookAlike(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	c.Stripe.Change(func(d *account.Data) {
		for i, email := range []string{"victim@example.com", "jörg@example.com", "mike@example.com", "one@example.com",
			"two@example.com", " Anna@Example.com"} {
			d.Customers = append(d.Customers,
				account.Customer{ID: fmt.Sprintf("cus_%d", i), Email: email, Created: time.Unix(1714564800, 0)})
		}
	})
	users := "user_id;email\nvictim;victim@example.com\nattacker;VICTIM@Example.com\n" +
		"j1;JÖRG@example.com\nj2;jo\u0308rg@example.com\n" + // composed, and decomposed
		"kelvin;mi\u212Ae@example.com\n" + // the Kelvin sign, whose lower case is the Latin k
		"both;one@example.com\nboth;two@example.com\n" +
		"anna;anna@example.com \nanna;anna@example.com\nwide;\uff41nnb@example.com\nzero;on\u200be@example.com\nnone;\n"
	proposal := filepath.Join(t.TempDir(), "proposal.csv")
	output, err := c.run(t, "--propose", file(t, users), "--out", proposal)
	if err != nil || !strings.HasPrefix(output, "1 unique, 7 several, 2 none, 0 malformed lines") {
		t.Errorf("%v: %s", err, output)
	}
	text, err := os.ReadFile(proposal)
	if err != nil || strings.Count(string(text), "\n") != 11 {
		t.Errorf("%v: not one line for each user: %s", err, text)
	}
	if output, err := c.run(t, "--csv", proposal); err != nil ||
		!maps.Equal(c.mappings(t), map[string]string{"anna": "cus_5"}) {
		t.Errorf("%v: %v: %s\n%s", err, c.mappings(t), output, text)
	}
}
