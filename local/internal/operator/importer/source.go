package importer

import "context"

// Claim is one user and the customer who pays for them.
type Claim struct {
	Line     int64  `json:"line,omitempty"` // of a file; 0 for Stripe
	User     string `json:"user"`
	Customer string `json:"customer"`
	At       int64  `json:"at"`             // seconds since 1970
	Seen     int64  `json:"seen,omitempty"` // when Stripe's metadata was read; 0 for a file
}

// Rejected is a line or a customer that is not imported.
type Rejected struct {
	Kind     string `json:"kind"`
	Line     int64  `json:"line,omitempty"`
	User     string `json:"user,omitempty"`
	Customer string `json:"customer,omitempty"`
	Reason   string `json:"reason"`
}

// Batch is the result of one read, with the position after it.
type Batch struct {
	Claims   []Claim    `json:"claims,omitempty"`
	Rejected []Rejected `json:"rejected,omitempty"`
	Skipped  int        `json:"skipped,omitempty"` // what names no user or customer, or is not to be imported
	Next     Position   `json:"next"`
}

func (b Batch) size() int { return len(b.Claims) + len(b.Rejected) + b.Skipped }

// Position is a place in a source from which reading continues.
type Position struct {
	After string `json:"after,omitempty"` // the last customer of a page
	Done  int64  `json:"done,omitempty"`  // lines of a file, in their sorted order
	End   bool   `json:"end,omitempty"`
}

// Source is read batch by batch.
type Source interface {
	// Name tells one source from another.
	Name() string
	// Prepare is called once, before all else. It returns how much there is to read; 0 if that is
	// not known.
	Prepare(ctx context.Context, progress Progress) (size int64, err error)
	// Next reads on from a position.
	Next(ctx context.Context, from Position) (Batch, error)
	// ByHand says that Stripe may not name these users.
	ByHand() bool
}
