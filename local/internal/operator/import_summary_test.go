package operator

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/devserver/devservertest"
	"billingportal/local/internal/fakestripe/account"
)

// fileTarget returns the line on standard error that names the target of an import from a file.
func fileTarget(c *company) string {
	return "import: the table of the environment: CUSTOMERS_TABLE=" + devserver.CustomersTable +
		" at " + c.Origin + "\n"
}

func stripeAndTable(c *company) string {
	return strings.TrimSuffix(fileTarget(c), "\n") + "; Stripe test mode at " + c.Origin + "\n"
}

// lines returns n lines of a file. Each # in pattern is replaced by the number of the line.
func lines(n int, pattern string) (text string) {
	for i := range n {
		text += strings.ReplaceAll(pattern, "#", fmt.Sprint(i)) + "\n"
	}
	return text
}

// A summary has several counts, so each count differs here. Standard error has only the target.
func TestSummariesOfImports(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	if output, err := c.run(t, "--csv", file(t, lines(2, "known#,cus_Known#")+"second,cus_First\n")); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for i := range 5 {
		c.delete(t, fmt.Sprintf("cus_Deleted%d", i))
	}
	for i := range 3 {
		c.apply(t, operator.Fact{User: fmt.Sprintf("released%d", i), Customer: fmt.Sprintf("cus_Released%d", i),
			Released: time.Unix(1_700_000_000, 0)})
	}
	users := file(t, "user_id,customer_id\n"+lines(2, "known#,cus_Known#")+lines(8, "new#,cus_New#")+
		"second,cus_Second\n"+lines(7, "team#,cus_Team")+
		lines(4, "malformed#,customer-#")+lines(5, "deleted#,cus_Deleted#")+lines(5, "none#,")+lines(3,
		"released#,cus_Released#"))
	report := filepath.Join(t.TempDir(), "report.csv")
	const contested = "First malformed: line 20, user \"malformed0\": the customer ID does not look like cus_…: copy " +
		"it from Stripe\n" +
		"First conflict: line 13, user \"team0\", customer cus_Team: the user \"team1\" has this customer too: keep " +
		"the right user, or use --shared if users share customers on purpose\n"
	const addReport = ": add --report FILE to list them; correct them, then run the same command again"
	for _, test := range []struct {
		arguments       []string
		output, failure string
	}{
		{
			[]string{"--csv", users, "--dry-run"},
			"19 would be imported (0 known before), 7 conflicts, 4 malformed, 0 of deleted customers, 6 skipped, 0 " +
				"ended by later events, 0 released before, in 0s\n" + contested,
			"11 lines would not be imported" + addReport,
		},
		{
			[]string{"--csv", users, "--report", report},
			"11 imported (2 known before), 8 conflicts, 4 malformed, 5 of deleted customers, 6 skipped, 0 ended by " +
				"later events, 3 released before, in 0s\n" + contested +
				"First deleted: line 24, user \"deleted0\", customer cus_Deleted0: the customer was deleted at " +
				"Stripe: write the user's new customer, or remove the line\n" +
				"First released: line 34, user \"released0\", customer cus_Released0: the customer's metadata " +
				"stopped " +
				"naming the user, no earlier than this claim: if the user has the customer again, write a later " +
				"claimed_at\n",
			"19 were not imported: " + report + " lists them; correct them, then run the same command again",
		},
		{
			[]string{"--csv", users, "--format", "dynamodb-json", "--out", filepath.Join(t.TempDir(), "items.json")},
			"19 written, 7 conflicts, 4 malformed, 6 skipped\n" + contested,
			"11 were not written" + addReport,
		},
	} {
		output, errOut, _, err := c.timed(t, test.arguments...)
		target := fileTarget(c)
		if slices.Contains(test.arguments, "--format") {
			target = "import: the file " + test.arguments[len(test.arguments)-1] +
				"; no table and no Stripe account of the environment\n"
		}
		if output != test.output || commandtest.Said(err) != test.failure || errOut != target {
			t.Errorf("%v\n%q\n%v, want %q\n%s\nwant\n%s", test.arguments, errOut, err,
				test.failure, output, test.output)
		}
	}
}

// In an import from Stripe, a claim that later events have ended is not a failure. The import waits
// as long as Stripe asks, and says how long it took.
func TestSummaryOfAnImportFromStripe(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 40) // four of them name no user
	for i := range 3 {
		c.apply(t, operator.Fact{User: fmt.Sprintf("u%d", i), Customer: fmt.Sprintf("cus_%d", i),
			Released: time.Unix(4_000_000_000, 0)})
	}
	busy := 2
	c.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != devserver.StripePath+"/v1/customers" || busy == 0 {
			return false
		}
		busy--
		w.Header().Set("Retry-After", "9")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	const want = "33 imported (0 known before), 0 conflicts, 0 malformed, 0 of deleted customers, 4 skipped, 3 ended " +
		"by later events, 0 released before, in 18s\n"
	progress := stripeAndTable(c) + "import: 40 read, 2 a second\n" +
		"Next: check the deployment that reads this table: go run ./local doctor --stack billing-portal\n"
	if output, errOut, took, err := c.timed(t); output != want || errOut != progress ||
		took != 18*time.Second || err != nil {
		t.Errorf("%v after %s, %q\n%s\nwant\n%s", err, took, errOut, output, want)
	}
}

func TestSummariesOfVerifications(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 40)
	if output, err := c.run(t); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	c.put(t, "a", "cus_9")
	c.put(t, "b", "cus_9")
	for i := range 5 {
		c.put(t, fmt.Sprintf("stranger%d", i), fmt.Sprintf("cus_Missing%d", i))
	}
	for i := range 6 {
		if err := c.DynamoDB.Put(devserver.CustomersTable,
			map[string]any{"user_id": fmt.Sprintf("broken%d", i), "customer_id": 17}); err != nil {
			t.Fatal(err)
		}
	}
	c.Stripe.Change(func(d *account.Data) {
		for i := range 3 {
			d.Customers[i].Deleted = true
		}
		for i := 3; i < 7; i++ {
			d.Customers[i].User = fmt.Sprintf("heir%d", i)
		}
	})
	const looked = "43 looked at: 3 of deleted customers, 4 of customers who name another user, 5 of customers who " +
		"do not exist, 6 malformed; "
	const firsts = "2 have a customer that another user has too (--shared allows that)\n" +
		"First malformed: user \"broken0\": customers: the attribute does not hold a Stripe customer ID: " +
		"correct the item of this user in the table\n" +
		"First conflict: user \"a\", customer cus_9: the user \"b\" has this customer too: name the right user in " +
		"the customer's metadata, or use --shared if users share customers on purpose\n" +
		"First deleted: user \"u0\", customer cus_0: the customer was deleted at Stripe\n" +
		"First renamed: user \"u3\", customer cus_3: the customer's metadata names the user \"heir3\"\n" +
		"First missing: user \"stranger0\", customer cus_Missing0: Stripe has no such customer in this mode: check " +
		"the mode of the key, or remove the mapping\n"
	correct := "20 mappings differ from Stripe: add --report FILE to list them; correct 7 of them with the same " +
		"variables:\n" +
		"  go run ./local import --rate 1000 --write-capacity 100000 --endpoint-url " + c.Origin +
		devserver.DynamoDBPath + " --verify --fix"
	for _, test := range []struct {
		arguments       []string
		output, failure string
	}{
		{[]string{"--verify"}, looked + "0 corrected\n" + firsts, correct},
		{[]string{"--verify", "--fix", "--dry-run"}, looked + "0 corrected\n" + firsts, correct},
		// The state file of this run is not one of a correction.
		{[]string{"--verify", "--state", filepath.Join(t.TempDir(), "state")},
			looked + "0 corrected\n" + firsts, correct},
		{[]string{"--verify", "--fix"}, looked + "7 corrected\n" + firsts,
			"13 mappings differ from Stripe: add --report FILE to list them, for you to decide"},
	} {
		output, errOut, _, err := c.timed(t, test.arguments...)
		if output != test.output || commandtest.Said(err) != test.failure || errOut != stripeAndTable(c) {
			t.Errorf("%v\n%q\n%v, want %q\n%s\nwant\n%s", test.arguments, errOut, err,
				test.failure, output, test.output)
		}
	}
}

func TestSummaryOfAProposal(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 6)
	c.Stripe.Change(func(d *account.Data) {
		d.Customers[4].Email, d.Customers[5].Email = "same@example.com", "same@example.com"
	})
	users, proposal := file(t, "user_id,email\n"+lines(3, "u#,u#@example.com")+lines(2,
		"several#,same@example.com")+lines(4, "none#,none#@example.com")+"malformed\n"),
		filepath.Join(t.TempDir(), "proposal.csv")
	want := "3 unique, 2 several, 4 none, 1 malformed line\nNothing was imported. Read " + proposal +
		", remove the lines that you do not trust, and import it with --csv.\n" +
		"First malformed: line 11: a column is missing: write user_id,email\n"
	said := "import: the customers of the environment's Stripe key: Stripe test mode at " + c.Origin + "; no table\n" +
		"Next: after you have read it, go run ./local import --dry-run --csv " + proposal + "\n"
	output, errOut, _, err := c.timed(t, "--propose", users, "--out", proposal)
	if output != want || err != nil || errOut != said {
		t.Errorf("%v, %q\n%s\nwant\n%s", err, errOut, output, want)
	}
}

// The state of one run is refused by a run with another table, source or rule.
func TestAStateBelongsToOneRun(t *testing.T) {
	t.Parallel()
	changes := map[string]struct {
		variables, argument string
		of                  string // the modes that it changes
	}{
		"the same":            {"", "", ""},
		"another table":       {"CUSTOMERS_TABLE=another", "", "stripe file verification"},
		"another key":         {"CUSTOMERS_KEY_FORMAT=USER#{user}", "", "stripe file verification"},
		"another attribute":   {"CUSTOMERS_ATTRIBUTE=another", "", "stripe file verification"},
		"another endpoint":    {"", "--endpoint-url=ORIGIN" + devserver.DynamoDBPath + "/", "stripe file verification"},
		"users who share":     {"", "--shared", "stripe file verification"},
		"another user's key":  {"USER_METADATA_KEY=another", "", "stripe file verification"},
		"the other mode":      {"STRIPE_LIVEMODE=true STRIPE_SECRET_KEY=sk_" + "0123456789", "", "stripe verification"},
		"with corrections":    {"", "--fix", "verification"},
		"another file's name": {"", "--csv=" + file(t, "u1,cus_1\n"), "file"},
	}
	for mode, arguments := range map[string][]string{"stripe": nil, "file": {"--csv", file(t, "u1,cus_1\n")},
		"verification": {"--verify"}} {
		t.Run(mode, func(t *testing.T) {
			c := newCompany(t, 3)
			arguments = append(arguments, "--state", filepath.Join(t.TempDir(), "state"))
			if output, err := c.run(t, arguments...); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			if err := c.DynamoDB.CreateTable("another", "user_id"); err != nil {
				t.Fatal(err)
			}
			for name, change := range changes {
				if change.of != "" && !strings.Contains(change.of, mode) {
					continue
				}
				t.Run(name, func(t *testing.T) {
					c.env = devservertest.OperatorEnvironment(c.Server, c.table)
					for variable := range strings.FieldsSeq(change.variables) {
						name, value, _ := strings.Cut(variable, "=")
						c.env[name] = value
					}
					more := slices.Clone(arguments)
					if change.argument != "" {
						more = append(more, strings.ReplaceAll(change.argument, "ORIGIN", c.Origin))
					}
					output, err := c.run(t, more...)
					if isSame := change.of == ""; isSame && (err != nil ||
						!strings.Contains(output,
							" says that all of this was done before; nothing was read. Remove it to ")) ||
						!isSame && (output != "" || !strings.HasPrefix(commandtest.Said(err),
							arguments[len(arguments)-1]+" belongs to another run, from ")) {
						t.Errorf("%v: %s", err, output)
					}
				})
			}
		})
	}
}
