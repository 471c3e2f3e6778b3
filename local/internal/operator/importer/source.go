package importer

import "context"

// Claim is one user and the customer that pays for the user.
type Claim struct {
	Line     int64  `json:"line,omitempty"` // of the file; 0 from Stripe
	User     string `json:"user"`
	Customer string `json:"customer"`
	At       int64  `json:"at"`             // seconds since 1970
	Seen     int64  `json:"seen,omitempty"` // when Stripe's metadata was read; 0 from a file
}

// Rejected is a line or a customer that is not imported.
type Rejected struct {
	Kind     string `json:"kind"`
	Line     int64  `json:"line,omitempty"`
	User     string `json:"user,omitempty"`
	Customer string `json:"customer,omitempty"`
	Reason   string `json:"reason"`
}

// Batch is the result of one read, and the position after it.
type Batch struct {
	Claims   []Claim    `json:"claims,omitempty"`
	Rejected []Rejected `json:"rejected,omitempty"`
	Skipped  int        `json:"skipped,omitempty"` // lines and customers that have nothing to import
	Next     Position   `json:"next"`
}

func (b Batch) size() int { return len(b.Claims) + len(b.Rejected) + b.Skipped }

// Position is the place in a source at which reading continues.
type Position struct {
	After string `json:"after,omitempty"` // the last customer of a page
	Done  int64  `json:"done,omitempty"`  // lines of the file, in sorted order
	End   bool   `json:"end,omitempty"`
}

// Source is read in batches.
type Source interface {
	// Name identifies the source in the state file.
	Name() string
	// Prepare is called once, before Next. It returns how much there is to read, or 0 if that is
	// not known.
	Prepare(ctx context.Context, progress Progress) (size int64, err error)
	// Next reads the batch at a position.
	Next(ctx context.Context, from Position) (Batch, error)
	// ByHand reports whether a person chose the claims, so Stripe may not name these users.
	ByHand() bool
}
