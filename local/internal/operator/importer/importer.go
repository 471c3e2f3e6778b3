// Package importer writes existing customers into the mapping, from Stripe or from a file. It
// writes them as claims by metadata, with the writer of the webhook. So an import may run at the
// same time as live events, and may run twice.
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

// Import is one run of an import.
type Import struct {
	Source  Source
	Mapping operator.Mapping
	Writer  *operator.MappingWriter // nil for a dry run
	// Owners find the customers of several users after everything is written. If Owners is nil,
	// this check is skipped. A file is compared with the table before it is imported.
	Owners *Owners
	// Target identifies the table in the state file.
	Target string
	// WriteCapacity is in write units per second.
	WriteCapacity int
	StateFile     string // "" for none; a dry run uses none
	Report        *Report
	Progress      Progress
	// WasDone is set by Run if the state file says that everything was done before.
	WasDone bool

	mu      sync.Mutex
	claimed *extsort.Sorter // by a dry run, because it writes nothing that Owners can find
}

// Writers is the number of concurrent writes.
const Writers = 32

// ahead is the number of batches that may be read before they are written.
const ahead = 4

// writeUnits is the number of write units of one claim: one for the user's item and one for the
// customer's item.
const writeUnits = 2

func newWriteLimiter(capacity int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(max(1, capacity)), max(writeUnits, capacity/10))
}

// Run reads and writes until the end of the source. The state file has the progress, whatever ends
// the run.
func (i *Import) Run(ctx context.Context) (counts Counts, err error) {
	path := i.StateFile
	if i.Writer == nil { // an import must not continue from a dry run
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

// read stores each batch in the state before it reads the next one. So only the batch in progress
// is read twice.
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

// errTooLong reports a user ID that does not fit into a key of the table.
var errTooLong = errors.New("the user ID is too long for the key of the table: shorten it, or CUSTOMERS_KEY_FORMAT")

// claim joins one claim into the table.
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

// keep stores a claim of a dry run for check.
func (i *Import) keep(claim Claim) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.claimed == nil {
		return nil
	}
	return i.claimed.Add(claim.Customer + separator + claim.User + separator)
}

// count counts the outcome of a claim. An error that it returns ends the run.
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

// idle returns the counter for a claim without effect. For a file it is ofFile, because the
// operator expected an effect. For Stripe it is Superseded, because later events have ended the
// claim and the table is right.
func (i *Import) idle(ofFile *int64, counts *Counts) *int64 {
	if i.Source.ByHand() {
		return ofFile
	}
	return &counts.Superseded
}

// check reports the customers that several users have now. Stripe's metadata names one of the
// users, whose claim was imported. The claims of the others came from another source, so a person
// has to judge them.
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
