package importer

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"billingportal/functions/app/operator"
	fakeaccount "billingportal/local/internal/fakestripe/account"
)

// A renamed customer passes from the former user to the user in the metadata, at the time of
// reading. It passes even if the former user's claim is much newer than the customer, and whatever
// took the customer from the new user before. A claim or release that is newer than the reading
// stays.
func TestARenamedCustomerPassesToItsUser(t *testing.T) {
	const created, read = 900_000_000, 1_000_000_000
	metadata := func(at int64) operator.Fact {
		return operator.Fact{User: "former", Customer: "cus_1", Metadata: time.Unix(at, 0)}
	}
	released := func(at int64) operator.Fact {
		return operator.Fact{User: "heir", Customer: "cus_1", Released: time.Unix(at, 0)}
	}
	c := newCloud(t)
	for name, test := range map[string]struct {
		former, heir operator.Fact
		want         string // who has the customer afterwards
	}{
		"claimed at the creation":            {metadata(created), released(0), "heir"},
		"claimed since the creation":         {metadata(created + 1), released(0), "heir"},
		"claimed before the reading":         {metadata(read - 1), released(0), "heir"},
		"claimed at the time of the reading": {metadata(read), released(0), "heir"},
		"claimed after the reading":          {metadata(read + 1), released(0), "former and heir"},
		"the heir was released before":       {metadata(created), released(read - 1), "heir"},
		"the heir was released since":        {metadata(created), released(read + 1), "neither"},
		"both changed since":                 {metadata(read + 1), released(read + 1), "former"},
		"the former had it by a reference, too": {operator.Fact{User: "former", Customer: "cus_1",
			Metadata: time.Unix(read-1, 0), Reference: time.Unix(created, 0)}, released(0), "heir"},
	} {
		t.Run(name, func(t *testing.T) {
			c.reset(t, 0)
			c.stripe.Change(func(d *fakeaccount.Data) {
				d.Customers = []fakeaccount.Customer{{ID: "cus_1", User: "heir", Created: time.Unix(created, 0)}}
			})
			writer := mapping.Writer(c.dynamoDB())
			for _, fact := range []operator.Fact{test.former, test.heir} {
				if fact == released(0) {
					continue
				}
				if _, _, err := writer.Join(t.Context(), fact); err != nil {
					t.Fatal(err)
				}
			}
			run := &Verification{
				Owners: &Owners{Mapping: mapping, Scanner: c.dynamoDB()}, Reader: c.account(t, nil, key),
				Limiter: rate.NewLimiter(rate.Inf, 1), MetadataKey: "user_id",
				Fix: writer, WriteCapacity: 1_000_000, Report: &Report{}, Progress: silent,
				Now: func() time.Time { return time.Unix(read, 0) },
			}
			if verified, err := run.Run(t.Context()); err != nil || verified.Renamed != 1 || verified.Fixed != 1 {
				t.Fatalf("%+v, %v", verified, err)
			}
			has := map[string]string{"cus_1 ": "former", " cus_1": "heir", "cus_1 cus_1": "former and heir"}
			got := fmt.Sprint(c.tables.Text(table, "former", "customer_id"), " ",
				c.tables.Text(table, "heir", "customer_id"))
			if got := cmp.Or(has[got], "neither"); got != test.want {
				t.Errorf("%s has the customer, want %s", got, test.want)
			}
		})
	}
}
