package importer

// Counts are the results of a run.
type Counts struct {
	Imported  int64 `json:"imported"` // claims that are in the table now
	Known     int64 `json:"known"`    // of these, claims that were already there
	Conflicts int64 `json:"conflicts"`
	// Contested counts the claims that were not imported because another user has the customer.
	Contested int64 `json:"contested"`
	Rejected  int64 `json:"rejected"`
	Deleted   int64 `json:"deleted"` // claims to deleted customers
	Skipped   int64 `json:"skipped"`
	// Superseded counts the claims from Stripe that later events have ended. The table is right.
	Superseded int64 `json:"superseded"`
	// Released counts the claims from a file that have no effect, because a release is as late or
	// later.
	Released int64 `json:"released"`
}

func (c *Counts) add(more Counts) {
	c.Imported += more.Imported
	c.Known += more.Known
	c.Conflicts += more.Conflicts
	c.Contested += more.Contested
	c.Rejected += more.Rejected
	c.Deleted += more.Deleted
	c.Skipped += more.Skipped
	c.Superseded += more.Superseded
	c.Released += more.Released
}

// NotImported returns how many claims and lines should have been imported, but were not.
func (c Counts) NotImported() int64 { return c.Rejected + c.Contested + c.Deleted + c.Released }

func (c *Counts) reject(rejected []Rejected, report *Report) {
	for _, r := range rejected {
		if r.Kind == kindConflict {
			c.Contested++
		} else {
			c.Rejected++
		}
		report.add(Row{Kind: r.Kind, Line: r.Line, User: r.User, Customer: r.Customer, Detail: r.Reason})
	}
}
