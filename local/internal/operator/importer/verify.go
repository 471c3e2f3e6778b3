package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/operator/importer/extsort"
)

// Verification compares every mapping in the table with Stripe, after events were missed.
type Verification struct {
	Owners      *Owners
	Reader      Reader
	Limiter     *rate.Limiter
	MetadataKey string
	// IsShared says that users share customers on purpose, so a customer of several users is right.
	IsShared bool
	Fix      *operator.MappingWriter // nil to only report
	// Target identifies the table in the state file.
	Target        string
	WriteCapacity int
	StateFile     string // "" for none
	Report        *Report
	Progress      Progress
	Now           func() time.Time
	// WasDone is set by Run if the state file says that everything was done before.
	WasDone bool

	state   *verifyState
	list    *accountList
	sorter  *extsort.Sorter
	limiter *rate.Limiter
	// lacking has the users whose items left out claims and have room for them now, with the
	// customers that these items have.
	lacking map[string][]string
	mu      sync.Mutex // guards the counts while corrections run
}

// Verified counts mappings by finding.
type Verified struct {
	Looked    int64 `json:"looked"`
	Deleted   int64 `json:"deleted"`
	Renamed   int64 `json:"renamed"`
	Missing   int64 `json:"missing"`
	Shared    int64 `json:"shared"`
	LeftOut   int64 `json:"left_out"`
	Malformed int64 `json:"malformed"`
	Fixed     int64 `json:"fixed"`
}

// Wrong returns how many mappings differ from Stripe.
func (v Verified) Wrong() int64 {
	return v.Deleted + v.Renamed + v.Missing + v.Shared + v.LeftOut + v.Malformed
}

// Correctable returns how many of the wrong mappings Fix corrects.
func (v Verified) Correctable() int64 { return v.Deleted + v.Renamed + v.LeftOut }

// verifyState is the progress of a verification. It is kept in a file.
type verifyState struct {
	Source     string         `json:"source"`
	Target     string         `json:"target"`
	After      string         `json:"after,omitempty"` // the last customer of the list that was read
	Listed     bool           `json:"listed,omitempty"`
	Read       int64          `json:"read,omitempty"`
	ListSize   int64          `json:"list_size,omitempty"`
	Until      string         `json:"until,omitempty"`   // the last customer and user that were compared
	Pending    []correction   `json:"pending,omitempty"` // corrections that were noted, and may not be made yet
	Verified   Verified       `json:"verified"`
	ReportSize int64          `json:"report_size,omitempty"`
	First      map[string]Row `json:"first,omitempty"`
	Done       bool           `json:"done,omitempty"`
}

// Run reads Stripe's list and the table once each, and sorts both by customer. It looks up only the
// customers that the list lacks.
func (v *Verification) Run(ctx context.Context) (verified Verified, err error) {
	v.state = &verifyState{Source: v.name(), Target: v.Target}
	source := v.state.Source
	if _, err := load(v.StateFile, v.state); err != nil {
		return verified, err
	}
	if v.state.Source != source || v.state.Target != v.Target {
		return verified, otherRun(v.StateFile, v.state.Source, v.state.Target)
	}
	v.WasDone = v.state.Done
	if err := v.Report.resume(v.state.ReportSize, v.state.First); err != nil || v.WasDone {
		return v.state.Verified, err
	}
	path := ""
	if v.StateFile != "" {
		path = v.StateFile + ".customers"
	}
	file, err := openAccountList(path, v.state.ListSize)
	if err != nil {
		return verified, err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if path == "" || v.state.Done {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	v.list = &accountList{file: file, reader: v.Reader, limiter: v.Limiter, metadataKey: v.MetadataKey, now: v.Now}
	if v.sorter, err = extsort.New(); err != nil {
		return verified, err
	}
	defer func() { err = errors.Join(err, v.sorter.Close()) }()
	v.limiter = newWriteLimiter(v.WriteCapacity)
	if err := v.correct(ctx); err != nil { // the corrections that an earlier run noted
		return v.state.Verified, err
	}
	for _, step := range []func(context.Context) error{v.readList, v.readTable, v.lookUpOthers, v.compare} {
		if err := step(ctx); err != nil {
			return v.state.Verified, err
		}
	}
	return v.state.Verified, nil
}

func (v *Verification) name() string {
	name := "verify " + (&FromStripe{Reader: v.Reader, MetadataKey: v.MetadataKey}).Name()
	if v.Fix != nil {
		name += ", fix"
	}
	if v.IsShared {
		name += ", shared"
	}
	return name
}

func (v *Verification) readList(ctx context.Context) error {
	v.Progress.Start("read Stripe's list", v.state.Read, 0)
	defer v.Progress.Stop()
	for !v.state.Listed {
		last, read, more, err := v.list.page(ctx, v.state.After)
		if err != nil {
			return err
		}
		v.state.After, v.state.Listed = last, !more
		v.state.Read += int64(read)
		if err := v.saveList(); err != nil {
			return err
		}
		v.Progress.Read(read)
	}
	return v.list.addTo(v.sorter, 0)
}

func (v *Verification) saveList() (err error) {
	if v.StateFile == "" {
		return nil
	}
	if v.state.ListSize, err = v.list.size(); err != nil {
		return err
	}
	return save(v.StateFile, v.state)
}

// readTable reads the table after the list, so that a customer of a mapping is in the list or can
// be looked up.
func (v *Verification) readTable(ctx context.Context) error {
	isFirst := v.state.Until == "" // otherwise an earlier run has counted them
	if isFirst {
		v.state.Verified = Verified{}
	}
	v.lacking = map[string][]string{}
	return v.Owners.read(ctx, v.sorter, func(entry operator.Entry, err error) {
		switch {
		case err != nil && isFirst:
			v.state.Verified.Malformed++
			v.Report.add(Row{Kind: kindMalformed, User: entry.User,
				Detail: err.Error() + ": correct the item of this user in the table"})
		case err == nil && entry.LacksClaims:
			v.lacking[entry.User] = entry.Counting
		}
	}, v.Progress)
}

// lookUpOthers looks up the customers of mappings that the list lacks: deleted customers, customers
// of the other mode, and new customers.
func (v *Verification) lookUpOthers(ctx context.Context) error {
	listEnd, err := v.list.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	v.Progress.Start("look up other customers", 0, 0)
	defer v.Progress.Stop()
	lookUp := func(ids []string) error {
		if err := v.list.lookUp(ctx, ids); err != nil {
			return err
		}
		v.Progress.Read(len(ids))
		return v.saveList()
	}
	var ids []string
	var last string
	err = v.each(ctx, func(found pair) error {
		isOther := found.user != "" && found.customer != last
		last = found.customer
		if !isOther {
			return nil
		}
		if ids = append(ids, found.customer); len(ids) < 5*lookups {
			return nil
		}
		err := lookUp(ids)
		ids = nil
		return err
	})
	if err == nil {
		err = lookUp(ids)
	}
	if err != nil {
		return err
	}
	return v.list.addTo(v.sorter, listEnd)
}

func (v *Verification) each(ctx context.Context, do func(pair) error) error {
	pairs, err := newPairs(v.sorter.Sorted())
	if err != nil {
		return err
	}
	defer pairs.stop()
	for {
		found, more, err := pairs.read()
		if err != nil || !more {
			return err
		}
		if err := errors.Join(ctx.Err(), do(found)); err != nil {
			return err
		}
	}
}

// account is the state at Stripe of the customer of a mapping.
type account struct {
	customer, user string
	existence      existence
	at             int64 // when it was read
	created        int64
}

// compare goes through the mappings in order of their customers.
func (v *Verification) compare(ctx context.Context) error {
	v.Progress.Start("compare", v.state.Verified.Looked, 0)
	defer v.Progress.Stop()
	var of account
	var wrong []correction
	var until string
	sinceNoted := 0
	note := func() error {
		v.state.Until, v.state.Pending = until, wrong
		wrong, sinceNoted = nil, 0
		if err := v.save(); err != nil {
			return err
		}
		return v.correct(ctx)
	}
	err := v.each(ctx, func(found pair) error {
		if found.user == "" {
			of = accountOf(found)
		}
		key := found.customer + separator + found.user
		if v.state.Until != "" && key <= v.state.Until {
			return nil
		}
		if of.customer != found.customer {
			of = account{customer: found.customer}
		}
		until = key
		what := v.restore(of)
		if found.user != "" {
			v.state.Verified.Looked++
			v.Progress.Read(1)
			what = v.look(found, of)
		}
		if what != (Row{}) {
			v.Report.add(what)
		}
		if v.Fix != nil && slices.Contains(correctable, what.Kind) {
			wrong = append(wrong, correction{Row: what, Heir: of.user, At: of.at, Created: of.created})
		}
		if sinceNoted++; len(wrong) < batchLines && sinceNoted < 10*batchLines {
			return nil
		}
		return note()
	})
	if err != nil {
		return err
	}
	if err := note(); err != nil {
		return err
	}
	v.state.Done = true
	return v.save()
}

// save stores the findings and the progress so far.
func (v *Verification) save() (err error) {
	if v.state.ReportSize, v.state.First, err = v.Report.flush(); err != nil {
		return err
	}
	return save(v.StateFile, v.state)
}

func accountOf(found pair) account {
	part := strings.SplitN(found.last, separator, 4)
	at, _ := strconv.ParseInt(part[0], 10, 64) // written above
	created, _ := strconv.ParseInt(part[1], 10, 64)
	return account{customer: found.customer, user: part[3], existence: existence(part[2]), at: at, created: created}
}

// look counts a mapping that differs from Stripe, and returns its row of the report. The row is
// empty if the mapping is right.
func (v *Verification) look(found pair, of account) Row {
	row := Row{User: found.user, Customer: found.customer}
	switch {
	case of.existence == isMissing:
		// Stripe still returns deleted customers. A customer that it never had may be of the other
		// mode, so a person has to decide.
		v.state.Verified.Missing++
		row.Kind = kindMissing
		row.Detail = "Stripe has no such customer in this mode: check the mode of the key, or remove the mapping"
	case of.existence == isDeleted:
		v.state.Verified.Deleted++
		row.Kind, row.Detail = kindDeleted, "the customer was deleted at Stripe"
	case found.other != "" && v.IsShared:
		return Row{}
	case of.user != "" && of.user != found.user:
		v.state.Verified.Renamed++
		row.Kind, row.Detail = kindRenamed, fmt.Sprintf("the customer's metadata names the user %q", of.user)
	case found.other != "" && (of.user == "" || v.Fix == nil): // a correction takes the customer from the other users
		v.state.Verified.Shared++
		row.Kind, row.Detail = kindConflict,
			fmt.Sprintf("the user %q has this customer too: name the right user in the customer's metadata, "+
				"or use --shared if users share customers on purpose", found.other)
		if of.user != "" {
			row.Detail = fmt.Sprintf("the user %q has this customer too; the metadata names %q", found.other, of.user)
		}
	default:
		return Row{}
	}
	return row
}

// restore counts a claim that was left out because the user's item was full, and returns its row of
// the report. It ignores other customers that the user in their metadata does not have: an import
// adds them.
func (v *Verification) restore(of account) Row {
	known, isLacking := v.lacking[of.user]
	if !isLacking || of.existence != isLive || slices.Contains(known, of.customer) {
		return Row{}
	}
	v.state.Verified.LeftOut++
	return Row{Kind: kindLeftOut, User: of.user, Customer: of.customer,
		Detail: "the user's item had no room for this customer, and has some now"}
}

// correctable has the kinds of rows that can be corrected.
var correctable = []string{kindDeleted, kindRenamed, kindLeftOut}

// correction is the change that corrects a row of the report.
type correction struct {
	Row     Row    `json:"row"`
	Heir    string `json:"heir,omitempty"` // the user in the metadata
	At      int64  `json:"at"`             // when the metadata was read
	Created int64  `json:"created,omitempty"`
}

// apply makes the change that the missed events would have made.
func (c correction) apply(ctx context.Context, writer *operator.MappingWriter) (err error) {
	fact := operator.Fact{User: c.Row.User, Customer: c.Row.Customer}
	// The change has the time of reading, so a later event takes precedence.
	at := time.Unix(c.At, 0)
	switch c.Row.Kind {
	case kindDeleted:
		return writer.Delete(ctx, fact.Customer, fact.User)
	case kindRenamed:
		fact.Released = at
		_, _, err = writer.Join(ctx, fact, operator.Fact{User: c.Heir, Customer: fact.Customer, Metadata: at})
	default:
		fact.Metadata, fact.Seen = time.Unix(c.Created, 0), at // as an import does
		_, _, err = writer.Join(ctx, fact)
	}
	return err
}

// correct makes the changes that were noted. If it is interrupted, the next run makes all of them
// again, so that each change is counted and in the report. Making a change twice has no effect.
func (v *Verification) correct(ctx context.Context) error {
	if len(v.state.Pending) == 0 {
		return nil
	}
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(Writers)
	for _, c := range v.state.Pending {
		workers.Go(func() error { return v.apply(ctx, c) })
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	v.state.Pending = nil
	return v.save()
}

// apply makes one change. An item with other content is left unchanged, and the corrections
// continue.
func (v *Verification) apply(ctx context.Context, c correction) error {
	if err := v.limiter.WaitN(ctx, writeUnits); err != nil {
		return err
	}
	err := retry(ctx, func() error { return c.apply(ctx, v.Fix) })
	v.mu.Lock()
	defer v.mu.Unlock()
	row := c.Row
	switch {
	case isRefusal(err):
		v.state.Verified.Malformed++
		row.Kind, row.Detail = kindFailed, howToRepair(err)
		v.Report.add(row)
		return nil
	case err != nil:
		return fmt.Errorf("correct the mapping of user %q: %w", row.User, err)
	}
	v.state.Verified.Fixed++
	return nil
}
