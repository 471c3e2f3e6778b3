// Package importer brings customers that exist into the mapping: from Stripe or from a file, as
// claims by metadata, which the webhook's own writer joins into the table. So an import and live
// events may run at once, and an import may run twice.
package importer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/operator/importer/extsort"
)

// Import is one run.
type Import struct {
	Source  Source
	Mapping operator.Mapping
	Writer  *operator.MappingWriter // nil: a dry run
	// Owners find the customers of several users once all is written; nil skips that. A file is
	// compared with the table before it is imported.
	Owners *Owners
	// Target tells one table from another, for the state file.
	Target string
	// WriteCapacity is in write units a second.
	WriteCapacity int
	StateFile     string // "": none; a dry run has none
	Report        *Report
	Progress      Progress
	// WasDone is set by Run if the state file says that all was done before.
	WasDone bool

	mu      sync.Mutex
	claimed *extsort.Sorter // by a dry run, which writes nothing that Owners would find
}

// Writers is how many claims are written at once.
const Writers = 32

// ahead is how many batches are read and not yet written.
const ahead = 4

// writeUnits are those of one claim: the user's item and the customer's own.
const writeUnits = 2

func newWriteLimiter(capacity int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(max(1, capacity)), max(writeUnits, capacity/10))
}

// Run reads and writes until the source is at its end. What was done is in the state file, whatever
// ends the run.
func (i *Import) Run(ctx context.Context) (counts Counts, err error) {
	path := i.StateFile
	if i.Writer == nil { // what it did is nothing that an import could go on from
		path = ""
	}
	if i.Writer == nil && i.Owners != nil {
		if i.claimed, err = extsort.New(); err != nil {
			return counts, err
		}
		defer func() { err = errors.Join(err, i.claimed.Close()) }()
	}
	state, err := openState(path, i.Source.Name(), i.Target)
	if err != nil {
		return Counts{}, err
	}
	isWritten := state.Position.End && len(state.Pending) == 0
	i.WasDone = isWritten && state.Checked
	if err := i.Report.resume(state.ReportSize, state.First); err != nil || i.WasDone {
		return state.counts(), err
	}
	if !isWritten {
		if err := i.copy(ctx, state); err != nil {
			return state.counts(), err
		}
	}
	err = i.check(ctx, state)
	return state.counts(), err
}

func (i *Import) copy(ctx context.Context, state *state) error {
	size, err := i.Source.Prepare(ctx, i.Progress)
	if err != nil {
		return err
	}
	i.Progress.Start("import", state.Read, size)
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
		limiter := newWriteLimiter(i.WriteCapacity)
		for batch := range batches {
			if err := i.write(ctx, state, batch, limiter); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// read keeps each batch in the state before the next is read, so that nothing is read twice but
// what was under way.
func (i *Import) read(ctx context.Context, state *state, batches chan<- Batch) error {
	for from := state.position(); !from.End; {
		var batch Batch
		err := retry(ctx, func() (err error) {
			batch, err = i.Source.Next(ctx, from)
			return err
		})
		if err != nil {
			return err
		}
		if err := state.noteRead(batch); err != nil {
			return err
		}
		i.Progress.Read(batch.size())
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
	counts.reject(batch.Rejected, i.Report)
	workers, workersCtx := errgroup.WithContext(ctx)
	workers.SetLimit(Writers)
	for _, claim := range batch.Claims {
		workers.Go(func() error {
			outcome, counting, err := i.claim(workersCtx, claim, limiter)
			mu.Lock()
			defer mu.Unlock()
			return i.count(&counts, claim, outcome, counting, err)
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	return state.noteWritten(counts, i.Report)
}

// errTooLong is a user whom no key of the table can name.
var errTooLong = errors.New("the user ID is too long for the key of the table: shorten it, or CUSTOMERS_KEY_FORMAT")

// claim joins one claim.
func (i *Import) claim(ctx context.Context, claim Claim, limiter *rate.Limiter) (outcome operator.Outcome,
	counting []string, err error) {
	if !i.Mapping.Holds(claim.User) {
		return outcome, nil, errTooLong
	}
	if i.Writer == nil {
		return outcome, nil, i.keep(claim)
	}
	fact := operator.Fact{User: claim.User, Customer: claim.Customer, Metadata: time.Unix(claim.At, 0)}
	if claim.Seen > 0 {
		fact.Seen = time.Unix(claim.Seen, 0)
	}
	if err := limiter.WaitN(ctx, writeUnits); err != nil {
		return outcome, nil, err
	}
	err = retry(ctx, func() (err error) {
		outcome, counting, err = i.Writer.Join(ctx, fact)
		return err
	})
	return outcome, counting, err
}

// keep keeps a claim of a dry run for check.
func (i *Import) keep(claim Claim) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.claimed == nil {
		return nil
	}
	return i.claimed.Add(claim.Customer + separator + claim.User + separator)
}

// count returns an error that ends the run.
func (i *Import) count(counts *Counts, claim Claim, outcome operator.Outcome, counting []string, err error) error {
	row := Row{Line: claim.Line, User: claim.User, Customer: claim.Customer}
	switch {
	case isRefusal(err):
		counts.Rejected++
		row.Kind, row.Detail = kindFailed, howToRepair(err)
	case err != nil:
		return fmt.Errorf("write the claim of user %q: %w", claim.User, err)
	case outcome == operator.CustomerDeleted:
		*i.idle(&counts.Deleted, counts)++
		row.Kind, row.Detail, row.IsNote = kindDeleted, "the customer was deleted at Stripe", true
		if i.Source.ByHand() {
			row.Detail, row.IsNote = row.Detail+": write the user's new customer, or remove the line", false
		}
	case outcome == operator.ClaimReleased:
		*i.idle(&counts.Released, counts)++
		row.Kind, row.Detail, row.IsNote = kindReleased,
			"the customer's metadata stopped naming the user, no earlier than this claim", true
		if i.Source.ByHand() {
			row.Detail, row.IsNote = row.Detail+": if the user has the customer again, write a later claimed_at", false
		}
	case outcome == operator.Conflict:
		counts.Imported++
		counts.Conflicts++
		row.Kind, row.Detail, row.IsNote = kindConflict,
			fmt.Sprintf("the user has the customers %v; the latest claim counts", counting), true
	default:
		counts.Imported++
		if outcome == operator.Known {
			counts.Known++
		}
		return nil
	}
	i.Report.add(row)
	return nil
}

// idle returns the counter of a claim without effect. In a file the operator expected an effect.
// From Stripe, later events have ended the claim, and the table is right.
func (i *Import) idle(ofFile *int64, counts *Counts) *int64 {
	if i.Source.ByHand() {
		return ofFile
	}
	return &counts.Superseded
}

// check reports the customers that several users have now. Stripe's metadata names one of the
// users, whose claim was imported. The others' claims came from elsewhere, so a person has to judge
// them.
func (i *Import) check(ctx context.Context, state *state) (err error) {
	var counts Counts
	if i.Owners == nil {
		return state.noteChecked(counts, i.Report)
	}
	sorter := i.claimed
	if sorter == nil {
		if sorter, err = extsort.New(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, sorter.Close()) }()
	}
	if err := i.Owners.read(ctx, sorter, nil, i.Progress); err != nil {
		return err
	}
	pairs, err := newPairs(sorter.Sorted())
	if err != nil {
		return err
	}
	defer pairs.stop()
	for n := 1; ; n++ {
		found, more, err := pairs.read()
		if err != nil {
			return err
		}
		if !more {
			return state.noteChecked(counts, i.Report)
		}
		if found.other != "" {
			counts.Conflicts++
			i.Report.add(Row{Kind: kindConflict, User: found.user, Customer: found.customer, IsNote: true,
				Detail: fmt.Sprintf("the user %q has this customer too", found.other)})
		}
		if n%batchLines == 0 {
			if _, _, err := i.Report.flush(); err != nil || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
		}
	}
}
