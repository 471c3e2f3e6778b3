package importer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/operator/importer/extsort"
)

// existence says whether Stripe has a customer.
type existence string

const (
	isLive    existence = "live"
	isDeleted existence = "deleted"
	isMissing existence = "missing" // Stripe has never had such a customer in this mode
)

// accountList keeps Stripe's customers in a file that only grows, so that a run after an
// interruption does not request them again. The fields of a line are the customer, an empty user,
// the time of reading, the customer's creation, the existence, and the user in the metadata.
// Because of the empty user, these lines sort before the lines of the customer's users. The newest
// line comes last.
type accountList struct {
	file        *os.File
	reader      Reader
	limiter     *rate.Limiter
	metadataKey string
	now         func() time.Time
}

// openAccountList opens the list at a path, or a temporary list if path is "". It truncates the
// file to size, because the state does not include later lines.
func openAccountList(path string, size int64) (file *os.File, err error) {
	if path == "" {
		file, err = os.CreateTemp("", "billingportal-customers-")
	} else {
		// The file is next to the state file, which the operator names.
		file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.Size() < size {
		err = &StateError{file.Name() + " is shorter than the state file says: remove both files to start over"}
	}
	if err == nil {
		err = file.Truncate(size)
	}
	if err == nil {
		_, err = file.Seek(size, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// page reads a page of customers, and returns the last one. Stripe's list never has deleted
// customers.
func (l *accountList) page(ctx context.Context, after string) (last string, read int, more bool, err error) {
	var page []customer
	err = retry(ctx, func() (err error) {
		page, more, err = customersAfter(ctx, l.reader, l.limiter, after)
		return err
	})
	if err != nil {
		return "", 0, false, err
	}
	last = after
	var lines strings.Builder
	for _, c := range page {
		last = c.ID
		l.describe(&lines, c, isLive)
	}
	_, err = l.file.WriteString(lines.String())
	return last, len(page), more, err
}

func (l *accountList) describe(lines *strings.Builder, c customer, s existence) {
	if operator.IsCustomerID(c.ID) {
		// The customer of a test clock may be created in the future, and then its claims are in the
		// future too.
		at := max(l.now().Unix(), c.Created)
		fmt.Fprintf(lines, "%s\x00\x00%020d\x00%020d\x00%s\x00%s\n", c.ID, at, c.Created, s,
			namedUser(c, l.metadataKey))
	}
}

// lookups limits the number of concurrent look-ups.
const lookups = 20

// lookUp reads customers one by one.
func (l *accountList) lookUp(ctx context.Context, ids []string) error {
	lines := make([]strings.Builder, len(ids))
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(lookups)
	for i, id := range ids {
		workers.Go(func() error {
			found, s, err := l.customer(ctx, id)
			found.ID = id
			l.describe(&lines[i], found, s)
			return err
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	for i := range lines {
		if _, err := l.file.WriteString(lines[i].String()); err != nil {
			return err
		}
	}
	return nil
}

func (l *accountList) customer(ctx context.Context, id string) (found customer, s existence, err error) {
	err = retry(ctx, func() error {
		if err := l.limiter.Wait(ctx); err != nil {
			return err
		}
		document, err := l.reader.Read(ctx, "/v1/customers/"+url.PathEscape(id), nil)
		if err != nil {
			return err
		}
		if json.Unmarshal(document, &found) != nil {
			return errList
		}
		if found.isOfOtherMode(l.reader) {
			return errMode
		}
		return nil
	})
	var refusal *operator.StripeRefusal
	switch {
	case errors.As(err, &refusal) && refusal.IsMissing:
		return found, isMissing, nil
	case found.Deleted:
		return found, isDeleted, err
	}
	return found, isLive, err
}

// size flushes the list to the disk, and returns its length.
func (l *accountList) size() (int64, error) {
	if err := l.file.Sync(); err != nil {
		return 0, err
	}
	return l.file.Seek(0, io.SeekCurrent)
}

// addTo adds the lines after an offset to a sorter.
func (l *accountList) addTo(sorter *extsort.Sorter, from int64) error {
	end, err := l.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(io.NewSectionReader(l.file, from, end-from))
	for lines.Scan() {
		if err := sorter.Add(lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}
