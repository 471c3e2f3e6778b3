// Package importer brings customers that exist into the mapping: from Stripe or from a file, as claims by metadata, which the
// webhook's own writer joins into the table. So an import and live events may run at once, and an import may run twice.
package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"billingportal/functions/app"
)

// Claim is one user and the customer who pays for them.
type Claim struct {
	Line     int64  `json:"line,omitempty"` // of a file; 0 for Stripe
	User     string `json:"user"`
	Customer string `json:"customer"`
	At       int64  `json:"at"` // seconds since 1970
}

// Rejected is what cannot be imported.
type Rejected struct {
	Line   int64  `json:"line,omitempty"`
	User   string `json:"user,omitempty"`
	Reason string `json:"reason"`
}

// Batch is what was read in one go, and where reading goes on behind it.
type Batch struct {
	Claims   []Claim    `json:"claims,omitempty"`
	Rejected []Rejected `json:"rejected,omitempty"`
	Skipped  int        `json:"skipped,omitempty"` // what names nobody, or is not to be imported
	Next     Position   `json:"next"`
}

// Position is where a source goes on.
type Position struct {
	After  string   `json:"after,omitempty"`  // the last customer of a page of Stripe's
	Offset int64    `json:"offset,omitempty"` // of a file, in bytes
	Line   int64    `json:"line,omitempty"`   // of a file, read so far
	Header []string `json:"header,omitempty"` // of a file that has one
	End    bool     `json:"end,omitempty"`
}

// Source is read batch by batch.
type Source interface {
	// Name tells one source from another.
	Name() string
	// Next reads on from a position.
	Next(ctx context.Context, from Position) (Batch, error)
	// ByHand says that Stripe may not name these users.
	ByHand() bool
}

// Writer joins changes into the table.
type Writer interface {
	Apply(ctx context.Context, change app.MappingChange) (app.MappingOutcome, error)
}

// Import is one run.
type Import struct {
	Source Source
	Writer Writer // nil: a dry run
	// Target tells one table from another, for the state file.
	Target string
	// WriteCapacity is in write units a second.
	WriteCapacity int
	StateFile     string // "": none; a dry run has none
	Report        *Report
	Progress      Progress
	// Pause waits before something is tried again; nil means a timer.
	Pause func(ctx context.Context, d time.Duration) error
	// WasDone is set by Run where the state file says that all was done before.
	WasDone bool
}

// Counts are what a run did.
type Counts struct {
	Imported  int64 `json:"imported"` // claims that are in the table now
	Known     int64 `json:"known"`    // of these, that were already
	Conflicts int64 `json:"conflicts"`
	Rejected  int64 `json:"rejected"`
	Deleted   int64 `json:"deleted"` // customers who are known to be deleted
	Skipped   int64 `json:"skipped"`
	// Superseded are claims of Stripe's own that later events have ended meanwhile: the table is right.
	Superseded int64 `json:"superseded"`
	// Released are claims of a file that count for nothing, because they are no later than a release.
	Released int64 `json:"released"`
}

// NotImported is what should have been and was not.
func (c Counts) NotImported() int64 { return c.Rejected + c.Deleted + c.Released }

// Writers is how many claims are written at once.
const Writers = 32

// ahead is how many batches are read and not yet written.
const ahead = 4

// Run reads and writes until the source is at its end. What was done is in the state file, whatever ends the run.
func (i *Import) Run(ctx context.Context) (Counts, error) {
	path := i.StateFile
	if i.Writer == nil { // what it did is nothing that an import could go on from
		path = ""
	}
	state, err := openState(path, i.Source.Name(), i.Target)
	if err != nil {
		return Counts{}, err
	}
	i.WasDone = state.Position.End && len(state.Pending) == 0
	if i.Report == nil {
		i.Report = &Report{}
	}
	if err := i.Report.resume(state.ReportSize); err != nil {
		return state.Counts, err
	}
	i.Progress.Start(state.Read)
	defer i.Progress.Stop()
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan Batch, ahead)
	pending := state.Pending
	group.Go(func() error {
		defer close(batches)
		for _, batch := range pending {
			select {
			case batches <- batch:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return i.read(ctx, state, batches)
	})
	group.Go(func() error {
		limiter := rate.NewLimiter(rate.Limit(max(1, i.WriteCapacity)), max(2, i.WriteCapacity/10))
		for batch := range batches {
			if err := i.write(ctx, state, batch, limiter); err != nil {
				return err
			}
		}
		return nil
	})
	err = group.Wait()
	return state.counts(), err
}

// read keeps each batch in the state before the next is read, so that nothing is read twice but what was under way.
func (i *Import) read(ctx context.Context, state *state, batches chan<- Batch) error {
	for from := state.position(); !from.End; {
		var batch Batch
		err := i.again(ctx, func() (err error) {
			batch, err = i.Source.Next(ctx, from)
			return err
		})
		if err != nil {
			return err
		}
		if err := state.noteRead(batch); err != nil {
			return err
		}
		i.Progress.Read(len(batch.Claims)+len(batch.Rejected)+batch.Skipped, batch.Next.Offset)
		select {
		case batches <- batch:
		case <-ctx.Done():
			return ctx.Err()
		}
		from = batch.Next
	}
	return nil
}

func (i *Import) write(ctx context.Context, state *state, batch Batch, limiter *rate.Limiter) error {
	var mu sync.Mutex
	var counts Counts
	counts.Skipped = int64(batch.Skipped)
	for _, rejected := range batch.Rejected {
		counts.Rejected++
		i.Report.add("malformed", rejected.Line, rejected.User, "", rejected.Reason)
	}
	workers, workersCtx := errgroup.WithContext(ctx)
	workers.SetLimit(Writers)
	for _, claim := range batch.Claims {
		workers.Go(func() error {
			outcome, err := i.claim(workersCtx, claim, limiter)
			mu.Lock()
			defer mu.Unlock()
			return i.count(&counts, claim, outcome, err)
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	size, err := i.Report.flush()
	if err != nil {
		return err
	}
	return state.noteWritten(batch, counts, size)
}

// claim joins one claim. A user without one is left alone.
func (i *Import) claim(ctx context.Context, claim Claim, limiter *rate.Limiter) (outcome app.MappingOutcome, err error) {
	if i.Writer == nil {
		return outcome, nil
	}
	change := app.MappingChange{Facts: []app.MappingFact{{
		User: claim.User, Customer: claim.Customer, Facts: app.MappingFacts{Metadata: app.MappingAt(claim.At)},
	}}}
	// A new claim writes two items.
	if err := limiter.WaitN(ctx, 2); err != nil {
		return outcome, err
	}
	err = i.again(ctx, func() (err error) {
		outcome, err = i.Writer.Apply(ctx, change)
		return err
	})
	return outcome, err
}

// count returns an error that ends the run.
func (i *Import) count(counts *Counts, claim Claim, outcome app.MappingOutcome, err error) error {
	switch {
	case errors.Is(err, app.ErrMappingMalformed), errors.Is(err, app.ErrMappingFacts):
		counts.Rejected++
		i.Report.add("failed", claim.Line, claim.User, claim.Customer, err.Error())
		return nil
	case err != nil:
		return fmt.Errorf("write the claim of user %q: %w", claim.User, err)
	case outcome.IsDeleted:
		*i.idle(&counts.Deleted, counts)++
		i.Report.add("deleted", claim.Line, claim.User, claim.Customer, "the customer was deleted at Stripe")
		return nil
	case outcome.IsIdle:
		*i.idle(&counts.Released, counts)++
		i.Report.add("released", claim.Line, claim.User, claim.Customer, "the customer's metadata ceased to name the user, no earlier than this claim")
		return nil
	}
	counts.Imported++
	switch outcome.Effect { //nolint:exhaustive // the others are new
	case app.MappingConflict:
		counts.Conflicts++
		i.Report.add("conflict", claim.Line, claim.User, claim.Customer, fmt.Sprintf("the user has the customers %v; the latest claim counts", outcome.Counting))
	case app.MappingUnchanged:
		counts.Known++
	}
	return nil
}

// idle is where a claim is counted that counts for nothing: what a file says is then without effect, and somebody should know; what
// Stripe said has become something else since.
func (i *Import) idle(ofFile *int64, counts *Counts) *int64 {
	if i.Source.ByHand() {
		return ofFile
	}
	return &counts.Superseded
}

const maxTries = 8

// again tries again what may be better in a moment.
func (i *Import) again(ctx context.Context, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		if err == nil || ctx.Err() != nil || n == maxTries || errors.Is(err, io.EOF) || errors.Is(err, errMode) || errors.Is(err, app.ErrMappingMalformed) || errors.Is(err, app.ErrMappingFacts) || app.IsPermanent(err) {
			return err
		}
		wait := 50 * time.Millisecond << n
		var refusal *app.StripeRefusal
		if errors.As(err, &refusal) {
			if refusal.Wait == 0 {
				return err
			}
			wait = refusal.Wait
		}
		if err := pauseOr(i.Pause)(ctx, wait); err != nil {
			return err
		}
	}
}

func pauseOr(pause func(context.Context, time.Duration) error) func(context.Context, time.Duration) error {
	if pause != nil {
		return pause
	}
	return func(ctx context.Context, d time.Duration) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
