package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"billingportal/local/internal/operator/importer/extsort"
)

// FromCSV is a file of user_id,customer_id[,claimed_at], with or without a header, or Stripe's own
// export of customers. With a header, the columns may be in any order, and there may be other
// columns. From a proposal, only the lines that say unique are imported.
//
// The whole file is sorted by customer on disk before anything is imported. So a customer of
// several users is found, however far apart the lines are. Such lines are not imported, because the
// file does not say which one is right.
type FromCSV struct {
	Path    string
	Version string // of the file: an interrupted run cannot continue with a changed file
	File    io.Reader
	// MetadataKey names the user's column in Stripe's export.
	MetadataKey string
	// IsShared says that users share customers on purpose.
	IsShared bool
	// Owners are the users of the table and their customers. If Owners is nil, the file is compared
	// with no table.
	Owners *Owners

	sorter  *extsort.Sorter
	pairs   *pairs
	at      int64 // number of pairs that were read
	skipped int
	rows    int64 // the most that Next can return
}

const batchLines = 1000

// Name implements Source.
func (s *FromCSV) Name() string {
	return strings.TrimSpace("csv:" + s.Path + ", metadata " + s.MetadataKey + " " + s.Version)
}

// ByHand implements Source.
func (s *FromCSV) ByHand() bool { return true }

// Close removes the sorted lines from the disk.
func (s *FromCSV) Close() error {
	if s.pairs != nil {
		s.pairs.stop()
	}
	if s.sorter == nil {
		return nil
	}
	return s.sorter.Close()
}

// Prepare implements Source. It reads and sorts the file and the table.
func (s *FromCSV) Prepare(ctx context.Context, progress Progress) (size int64, err error) {
	if s.sorter, err = extsort.New(); err != nil {
		return 0, err
	}
	if err := s.readFile(ctx, progress); err != nil {
		return 0, err
	}
	if s.Owners != nil && !s.IsShared {
		if err := s.Owners.read(ctx, s.sorter, nil, progress); err != nil {
			return 0, err
		}
	}
	s.pairs, err = newPairs(s.sorter.Sorted())
	return s.rows, err
}

func (s *FromCSV) readFile(ctx context.Context, progress Progress) error {
	progress.Start("read "+s.Path, 0, 0)
	defer progress.Stop()
	records, err := newRecords(s.File)
	if err != nil {
		return err
	}
	var layout *layout
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		found, err := records.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		isHeader := false
		if layout == nil && (found.fields != nil || found.malformed != "") {
			if layout, isHeader, err = layoutOf(found.fields, s.MetadataKey); err != nil {
				return fmt.Errorf("%s: %w", s.Path, err)
			}
		}
		if isHeader || found.fields == nil && found.malformed == "" {
			s.skipped++
			continue
		}
		if err := s.sort(layout.claim(records, found)); err != nil {
			return err
		}
		if n%batchLines == 0 {
			progress.Read(batchLines)
		}
	}
}

// sort adds a claim or a rejected line to the sorter. Rejected lines come before all claims, in the
// order of the file.
func (s *FromCSV) sort(claim Claim, rejected string, isSkipped bool) error {
	if isSkipped {
		s.skipped++
		return nil
	}
	s.rows++
	line := fmt.Sprintf("%020d", claim.Line)
	if rejected != "" {
		return s.sorter.Add(separator + line + separator + shown(claim.User) + separator + rejected)
	}
	return s.sorter.Add(claim.Customer + separator + claim.User + separator + fmt.Sprintf("%020d",
		claim.At) + separator + line)
}

// Next implements Source.
func (s *FromCSV) Next(ctx context.Context, from Position) (Batch, error) {
	batch := Batch{Next: from}
	if from.Done == 0 {
		batch.Skipped = s.skipped
	}
	for n := 0; n < batchLines; {
		if err := ctx.Err(); err != nil {
			return Batch{}, err
		}
		found, more, err := s.pairs.read()
		if err != nil {
			return Batch{}, err
		}
		if !more {
			batch.Next.End = true
			break
		}
		if found.lines == 0 { // only in the table
			continue
		}
		if s.at++; s.at <= from.Done {
			continue
		}
		s.take(&batch, found)
		batch.Next.Done = s.at
		n++
	}
	return batch, nil
}

func (s *FromCSV) take(batch *Batch, found pair) {
	if found.customer == "" {
		user, reason, _ := strings.Cut(found.last, separator)
		line, _ := strconv.ParseInt(found.user, 10, 64) // written above
		batch.Rejected = append(batch.Rejected, Rejected{Kind: kindMalformed, Line: line, User: user, Reason: reason})
		return
	}
	claimed, number, _ := strings.Cut(found.last, separator)
	at, _ := strconv.ParseInt(claimed, 10, 64)
	line, _ := strconv.ParseInt(number, 10, 64)
	batch.Skipped += found.lines - 1 // the same pair again, with the same or an earlier time
	if found.other != "" && !s.IsShared {
		batch.Rejected = append(batch.Rejected, Rejected{
			Kind: kindConflict, Line: line, User: found.user, Customer: found.customer,
			Reason: fmt.Sprintf("the user %q has this customer too: keep the right user, or use --shared if users "+
				"share customers on purpose", found.other),
		})
		return
	}
	batch.Claims = append(batch.Claims, Claim{Line: line, User: found.user, Customer: found.customer, At: at})
}

// maxShown limits the text that is shown for a malformed ID, in bytes.
const maxShown = 255

func shown(user string) string {
	if len(user) > maxShown {
		user = strings.ToValidUTF8(user[:maxShown], "") + "…"
	}
	return strings.ReplaceAll(user, separator, "")
}
