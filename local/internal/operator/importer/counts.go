package importer

// Counts are what a run did.
type Counts struct {
	Imported  int64 `json:"imported"` // claims that are in the table now
	Known     int64 `json:"known"`    // of these, that were already
	Conflicts int64 `json:"conflicts"`
	// Contested are claims that are not imported because another user has the customer.
	Contested int64 `json:"contested"`
	Rejected  int64 `json:"rejected"`
	Deleted   int64 `json:"deleted"` // customers who are known to be deleted
	Skipped   int64 `json:"skipped"`
	// Superseded are claims of Stripe's own that later events have ended meanwhile: the table is
	// right.
	Superseded int64 `json:"superseded"`
	// Released are claims of a file that count for nothing, because they are no later than a
	// release.
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

// NotImported is what should have been and was not.
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
