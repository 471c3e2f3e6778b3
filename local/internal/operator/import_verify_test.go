package operator

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/commandline/commandtest"
	"billingportal/local/internal/fakestripe/account"
)

// forget forgets the recorded requests to Stripe.
func (c *company) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pages, c.looked = nil, nil
}

// requests returns how many pages of customers and how many single customers were requested from
// Stripe.
func (c *company) requests(t *testing.T) (pages, customers int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pages), len(c.looked)
}

// A verification reads Stripe's list, and looks up only the customers that the list lacks.
func TestVerificationReadsTheList(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 1000) // 900 of them name a user
	if output, err := c.run(t); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	c.put(t, "stranger", "cus_OfTheOtherMode")
	c.Stripe.Change(func(d *account.Data) {
		for _, i := range []int{1, 11, 21} {
			d.Customers[i].Deleted = true
		}
		d.Customers[2].User = "heir"
	})
	c.forget()
	output, err := c.run(t, "--verify")
	if err == nil || !strings.HasPrefix(output, "901 looked at: 3 of deleted customers, 1 of customers who name "+
		"another user, 1 of customers who do not exist, 0 malformed; 0 corrected\nFirst deleted: user \"u1\", "+
		"customer cus_1: ") {
		t.Errorf("%v: %s", err, output)
	}
	if pages, customers := c.requests(t); pages != 10 || customers != 4 {
		t.Errorf("%d pages and %d customers were asked for, want 10 and 4", pages, customers)
	}
}

// A customer of several users is found, whatever the source of the mappings. Mappings that
// contradict the metadata are corrected; a person decides about the rest.
func TestVerificationOfCustomersOfSeveralUsers(t *testing.T) {
	t.Parallel()
	c := startCompany(t)
	for _, test := range []struct {
		arguments []string
		wrong     map[string]string // kind of the report, by user
		output    string
		after     map[string]string
	}{
		{nil, map[string]string{"hand": "renamed", "u1": "conflict", "a": "conflict", "b": "conflict"},
			"2 of customers who name another user", nil},
		{[]string{"--fix"}, map[string]string{"hand": "renamed", "a": "conflict", "b": "conflict"},
			"1 corrected\n2 have a customer that another user has too",
			map[string]string{"u1": "cus_1", "a": "cus_9", "b": "cus_9"}},
		{[]string{"--fix", "--dry-run"},
			map[string]string{"hand": "renamed", "u1": "conflict", "a": "conflict", "b": "conflict"}, "; 0 corrected\n",
			map[string]string{"hand": "cus_1", "u1": "cus_1", "a": "cus_9", "b": "cus_9"}},
		{[]string{"--fix", "--shared"}, map[string]string{}, "; 0 corrected\n",
			map[string]string{"hand": "cus_1", "u1": "cus_1", "a": "cus_9", "b": "cus_9"}},
	} {
		c.enter(t, 10) // cus_9 names no user
		if output, err := c.run(t); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		c.put(t, "hand", "cus_1")
		c.put(t, "a", "cus_9")
		c.put(t, "b", "cus_9")
		before := c.mappings(t)
		report := filepath.Join(t.TempDir(), "report.csv")
		output, err := c.run(t, append(test.arguments, "--verify", "--report", report)...)
		if (err != nil) != (len(test.wrong) > 0) {
			t.Errorf("%v: %v: %s", test.arguments, err, output)
		}
		got := map[string]string{}
		for kind, rows := range reported(t, report) {
			for _, row := range rows {
				got[row[1]] = kind
			}
		}
		if !maps.Equal(got, test.wrong) {
			t.Errorf("%v: %v, want %v\n%s", test.arguments, got, test.wrong, output)
		}
		for user, customer := range test.after {
			before[user] = customer
		}
		if test.after != nil && test.after["hand"] == "" {
			delete(before, "hand")
		}
		if !maps.Equal(c.mappings(t), before) {
			t.Errorf("%v: %v, want %v", test.arguments, c.mappings(t), before)
		}
	}
}

// The customer of a test clock is created in the future, so the claim that a correction ends is in
// the future too.
func TestVerificationOfATestClocksCustomer(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	created := time.Now().Add(90 * 24 * time.Hour)
	c.Stripe.Change(func(d *account.Data) {
		d.Customers = append(d.Customers, account.Customer{ID: "cus_Clock", Created: created, User: "heir"})
	})
	c.apply(t, operator.Fact{User: "former", Customer: "cus_Clock", Metadata: time.Unix(created.Unix(), 0)})
	for _, want := range []string{"; 1 corrected", "; 0 corrected"} {
		output, err := c.run(t, "--verify", "--fix")
		if got := c.mappings(t); !strings.Contains(output, want) ||
			!maps.Equal(got, map[string]string{"heir": "cus_Clock"}) {
			t.Errorf("%v, %v: %s", err, got, output)
		}
	}
}

// If a user has more customers than an item can hold, and the newest ones are deleted, the
// verification adds those that were left out, as an import does. It does not add customers for
// which there is still no room.
func TestVerificationAddsCustomersThatHaveRoomNow(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 0)
	var facts []operator.Fact
	c.Stripe.Change(func(d *account.Data) {
		for i := range 130 {
			created := time.Unix(1_700_000_000+int64(i), 0)
			if i < 20 { // the newest of them has the smallest ID
				created = time.Unix(1_600_000_000-int64(i), 0)
			}
			d.Customers = append(d.Customers,
				account.Customer{ID: fmt.Sprintf("cus_%03d", i), Created: created, User: "many"})
			facts = append(facts, operator.Fact{User: "many", Customer: fmt.Sprintf("cus_%03d", i),
				Metadata: time.Unix(created.Unix(), 0)})
		}
		d.Customers = append(d.Customers,
			account.Customer{ID: "cus_Other", Created: time.Unix(1_700_000_000, 0), User: "never imported"})
	})
	if _, _, err := c.writer(c.table).Join(t.Context(), facts...); err != nil {
		t.Fatal(err)
	}
	if output, err := c.run(t, "--verify", "--fix"); err != nil || !strings.Contains(output, "100 looked at: ") ||
		strings.Contains(output, "no room") {
		t.Errorf("%v: %s", err, output)
	}
	c.Stripe.Change(func(d *account.Data) {
		for i := 20; i < 130; i++ {
			d.Customers[i].Deleted = true
		}
	})
	for i := 20; i < 130; i++ {
		c.delete(t, fmt.Sprintf("cus_%03d", i))
	}
	if got := c.mappings(t); len(got) != 0 {
		t.Fatalf("%v", got)
	}
	if output, err := c.run(t, "--verify"); err == nil || !strings.Contains(output, "20 customers had no room") ||
		!strings.Contains(output, `First left out: user "many", customer cus_000: `) {
		t.Errorf("%v: %s", err, output)
	}
	for _, want := range []string{"; 20 corrected", "; 0 corrected"} {
		output, err := c.run(t, "--verify", "--fix")
		if got := c.mappings(t); err != nil || !strings.Contains(output, want) ||
			!maps.Equal(got, map[string]string{"many": "cus_000"}) {
			t.Errorf("%v, %v: %s", err, got, output)
		}
	}
}

// An event after the time of reading is newer, and a correction does not undo it.
func TestACorrectionIsOlderThanLaterEvents(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 3)
	if output, err := c.run(t); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	c.Stripe.Change(func(d *account.Data) { d.Customers[0].User = "heir" })
	// The user gets the customer back, after the list was read.
	c.apply(t, operator.Fact{User: "u0", Customer: "cus_0", Metadata: time.Unix(4_000_000_000, 0)},
		operator.Fact{User: "heir", Customer: "cus_0", Released: time.Unix(4_000_000_000, 0)})
	if output, err := c.run(t, "--verify", "--fix"); err != nil {
		t.Errorf("%v: %s", err, output)
	}
	if got := c.mappings(t); got["u0"] != "cus_0" || got["heir"] != "" {
		t.Errorf("%v", got)
	}
}

// A verification that is interrupted at any request continues. It requests no page and no customer
// again, except those that were in progress.
func TestAnInterruptedVerificationContinues(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 1000)
	if output, err := c.run(t); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	c.Stripe.Change(func(d *account.Data) {
		for i := range 250 {
			d.Customers[4*i].Deleted = true
		}
		d.Customers[1].User = "heir"
	})
	c.put(t, "broken", "customer-1")
	state, report := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "report.csv")
	wrong := "1 mapping differs from Stripe: " + report + " lists it, for you to decide"
	c.forget()
	cuts := 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		c.mu.Lock()
		asked := 0
		c.hear = func() {
			if asked++; asked == 130 { // more than the concurrent look-ups
				cancel()
			}
		}
		c.mu.Unlock()
		output, _, err := commandtest.RunWith(ctx, nil, c.command(),
			c.arguments("--verify", "--fix", "--state", state, "--report", report)...)
		isCut := ctx.Err() != nil
		cancel()
		if !isCut {
			if commandtest.Said(err) != wrong || !strings.Contains(output,
				": 250 of deleted customers, 1 of customers who name another user, 0 of customers who do not exist, "+
					"1 malformed; 251 corrected\n") {
				t.Errorf("%v: %s", err, output)
			}
			break
		}
		if cuts++; err == nil || !strings.Contains(err.Error(), "run the same command again to continue from here") {
			t.Errorf("%v: %s", err, output)
		}
	}
	pages, customers := c.requests(t)
	if again := pages - 8; cuts < 2 || again < 0 || again > cuts || customers > 250+5*20*cuts {
		t.Errorf("%d cuts, %d pages, %d customers", cuts, pages, customers)
	}
	rows := reported(t, report)
	if len(rows["deleted"]) != 250 || len(rows["renamed"]) != 1 || len(rows["malformed"]) != 1 {
		t.Errorf("%d, %d and %d rows", len(rows["deleted"]), len(rows["renamed"]), len(rows["malformed"]))
	}
	if got := c.mappings(t); got["heir"] != "cus_1" || got["u4"] != "" || got["u5"] != "cus_5" ||
		got["broken"] != "customer-1" || len(got) != 651 {
		t.Errorf("%d mappings", len(got))
	}
	if names, err := filepath.Glob(state + "*"); err != nil || !slices.Equal(names, []string{state}) {
		t.Errorf("%v, %v", names, err)
	}
	c.forget()
	output, err := c.run(t, "--verify", "--fix", "--state", state, "--report", report)
	if pages, _ := c.requests(t); commandtest.Said(err) != wrong || pages > 0 ||
		!strings.Contains(output, "; 251 corrected") || !strings.Contains(output, "Remove it to verify again") {
		t.Errorf("%v, %d pages: %s", err, pages, output)
	}
	if output, err := c.run(t, "--verify", "--state", state); err == nil ||
		!strings.Contains(err.Error(), "belongs to another run") {
		t.Errorf("%v: %s", err, output)
	}
}

// A verification that is interrupted during its corrections continues. It counts and reports the
// corrections that were already made.
func TestAVerificationInterruptedDuringItsCorrections(t *testing.T) {
	t.Parallel()
	c := newCompany(t, 100)
	if output, err := c.run(t); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	c.Stripe.Change(func(d *account.Data) {
		for i := range 40 {
			d.Customers[i].Deleted = i%2 == 0
			d.Customers[i].User = fmt.Sprint("heir", i)
		}
	})
	c.put(t, "broken", "customer-1")
	state, report := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "report.csv")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	writes := 0
	c.mu.Lock()
	c.write = func() {
		if writes++; writes == 100 {
			cancel()
		}
	}
	c.mu.Unlock()
	if _, _, err := commandtest.RunWith(ctx, nil, c.command(),
		c.arguments("--verify", "--fix", "--state", state, "--report", report)...); err == nil {
		t.Fatal("it was not cut off")
	}
	output, err := c.run(t, "--verify", "--fix", "--state", state, "--report", report)
	const want = ": 20 of deleted customers, 16 of customers who name another user, 0 of customers who do not exist, " +
		"1 malformed; 36 corrected\n"
	if commandtest.Said(err) != "1 mapping differs from Stripe: "+report+" lists it, for you to decide" ||
		!strings.Contains(output, want) {
		t.Errorf("%v: %s", err, output)
	}
	if rows := reported(t, report); len(rows["deleted"]) != 20 || len(rows["renamed"]) != 16 ||
		len(rows["malformed"]) != 1 {
		t.Errorf("%d, %d and %d rows", len(rows["deleted"]), len(rows["renamed"]), len(rows["malformed"]))
	}
	if got := c.mappings(t); got["u0"] != "" || got["u1"] != "" || got["heir1"] != "cus_1" {
		t.Errorf("%v", got)
	}
}
