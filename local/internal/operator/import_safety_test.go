package operator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/fakestripe/account"
)

// A dry run leaves the state of an import unchanged, so the import still writes everything.
func TestADryRunKeepsNoState(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 250)
	folder := t.TempDir()
	state, report := filepath.Join(folder, "import.state"), filepath.Join(folder, "report.csv")
	if output, err := c.run(t, "--dry-run", "--state", state, "--report", report); err != nil ||
		!strings.Contains(output, "225 would be imported") {
		t.Fatalf("%v: %s", err, output)
	}
	output, err := c.run(t, "--state", state, "--report", report)
	if err != nil || !strings.Contains(output, "225 imported (0 known before)") {
		t.Errorf("%v: %s", err, output)
	}
	if got := items(t, c.client, c.table); len(got) != 2*225 { // users and customers
		t.Errorf("%d items after the import", len(got))
	}
}

// A changed file may have other lines at the position of the first run, so its state is refused.
func TestAStateBelongsToOneFile(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	folder := t.TempDir()
	state, file := filepath.Join(folder, "import.state"), filepath.Join(folder, "users.csv")
	for _, text := range []string{"u1,cus_1\n", "u2,cus_2\nu1,cus_1\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		output, err := c.run(t, "--csv", file, "--state", state)
		if wantsError := text != "u1,cus_1\n"; (err != nil) != wantsError {
			t.Errorf("%q: %v: %s", text, err, output)
		}
	}
}

// Customers of one mode are never written into the table of the other mode.
func TestImportOfTheOtherModeIsRefused(t *testing.T) {
	t.Parallel()
	for name, variable := range map[string][2]string{
		"a test key in live mode":        {"STRIPE_LIVEMODE", "true"},
		"an invalid mode":                {"STRIPE_LIVEMODE", "yes"},
		"a key that is not a Stripe key": {"STRIPE_SECRET_KEY", "whsec_" + "x"},
		"a key over http to elsewhere":   {"STRIPE_API_BASE", "http://stripe.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, 10)
			c.env[variable[0]] = variable[1]
			if output, err := c.run(t); err == nil || strings.Contains(output+err.Error(), devserver.DemoKey) {
				t.Errorf("%v: %s", err, output)
			}
			if got := items(t, c.client, c.table); len(got) != 0 || len(c.pages) != 0 {
				t.Errorf("%d items, %d pages read", len(got), len(c.pages))
			}
		})
	}
}

// A claim that does not count is not counted as imported: it is older than a release, or its
// customer is deleted. From Stripe this is not a failure, because later events changed the mapping
// and the table is right. From a file it is a failure, because the operator expected an effect.
func TestClaimsThatDoNotCountAreReported(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 3)
	c.apply(t, operator.Fact{User: "u0", Customer: "cus_0", Released: time.Unix(4_000_000_000, 0)})
	c.delete(t, "cus_1", "u1")
	folder := t.TempDir()
	file, report := filepath.Join(folder, "users.csv"), filepath.Join(folder, "report.csv")
	if err := os.WriteFile(file, []byte("u2,cus_2\nu0,cus_0\nu1,cus_1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arguments               []string
		output, failure         string
		releasedRow, deletedRow string
	}{
		{nil, "1 imported (0 known before), 0 conflicts, 0 malformed, 0 of deleted customers, 0 skipped, 2 ended by " +
			"later events, 0 released before", "", "released,,u0,cus_0,", "deleted,,u1,cus_1,"},
		{[]string{"--csv", file}, "1 imported (1 known before), 0 conflicts, 0 malformed, 1 of deleted customers, 0 " +
			"skipped, 0 ended by later events, 1 released before", "2 were not imported: " + report +
			" lists them; correct them, then run the same command again",
			"released,2,u0,cus_0,", "deleted,3,u1,cus_1,"},
	} {
		output, err := c.run(t, append(test.arguments, "--report", report)...)
		failure := ""
		if err != nil {
			failure = err.Error()
		}
		if failure != test.failure || !strings.HasPrefix(output, test.output+", in ") {
			t.Errorf("%v, want %q: %s", err, test.failure, output)
		}
		text, err := os.ReadFile(report)
		if err != nil || !strings.Contains(string(text), "\n"+test.releasedRow) ||
			!strings.Contains(string(text), "\n"+test.deletedRow) {
			t.Errorf("%v: %s", err, text)
		}
	}
}

// A quotation mark in the wrong place loses only its own line, and the report has the number of
// that line.
func TestProposalsOfAMalformedFile(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 20)
	folder := t.TempDir()
	users, proposal, report := filepath.Join(folder, "users.csv"), filepath.Join(folder, "proposal.csv"),
		filepath.Join(folder, "report.csv")
	lines := []string{"\ufeffuser_id,email\r", "\"a,u0@example.com", "b,u1@example.com\r",
		strings.Repeat("x", 100_000) + ",u2@example.com", "c,u3@example.com", "d"}
	if err := os.WriteFile(users, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := c.run(t, "--propose", users, "--out", proposal, "--report", report)
	if err != nil || !strings.HasPrefix(output, "2 unique, 0 several, 0 none, 3 malformed lines") {
		t.Errorf("%v: %s", err, output)
	}
	text, err := os.ReadFile(report)
	for _, number := range []string{"2", "4", "6"} {
		if err != nil || !strings.Contains(string(text), "\nmalformed,"+number+",") {
			t.Errorf("line %s: %v: %s", number, err, text)
		}
	}
}

// An item with other content is left unchanged, and the corrections of other items continue.
func TestVerificationContinuesAfterAMalformedItem(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 30)
	if output, err := c.run(t); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if err := c.DynamoDB.Put(devserver.CustomersTable,
		map[string]any{"user_id": "heir", "customer_id": 17}); err != nil {
		t.Fatal(err)
	}
	c.Stripe.Change(func(d *account.Data) {
		d.Customers[0].User = "heir"
		for _, i := range []int{1, 11, 21} {
			d.Customers[i].Deleted = true
		}
	})
	output, err := c.run(t, "--verify", "--fix")
	if err == nil || !strings.Contains(output, "; 3 corrected") {
		t.Errorf("%v: %s", err, output)
	}
	got := items(t, c.client, c.table)
	for _, user := range []string{"u1", "u11", "u21"} {
		if strings.Contains(got[user], "customer_id") {
			t.Errorf("%s: %s", user, got[user])
		}
	}
}
