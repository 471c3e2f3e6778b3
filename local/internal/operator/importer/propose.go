package importer

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"billingportal/local/internal/operator/importer/extsort"
)

// The results for a user. unique: one customer and no other user have the address. several: several
// customers or users have it. none: no customer has it.
const (
	matchUnique  = "unique"
	matchSeveral = "several"
	matchNone    = "none"
)

var proposalColumns = []string{columnUser, columnCustomer, columnClaimed, columnMatch, "customers", "since",
	"active_subscriptions", columnEmail}

// Proposal proposes customers for users by e-mail address. A person must read it, because an
// address at Stripe is whatever a buyer typed.
type Proposal struct {
	Reader   Reader
	Limiter  *rate.Limiter
	Report   *Report
	Progress Progress
}

// Matches counts the results of a proposal.
type Matches struct{ Unique, Several, None, Malformed int64 }

// Write reads users (user_id,email) and every customer, once each. It writes a line for each user,
// sorted by ID. Everything is sorted on disk, so memory does not grow if many users or customers
// have the same address.
func (p *Proposal) Write(ctx context.Context, users io.Reader, out io.Writer) (matches Matches, err error) {
	byAddress, err := extsort.New()
	if err != nil {
		return matches, err
	}
	defer func() { err = errors.Join(err, byAddress.Close()) }()
	byUser, err := extsort.New()
	if err != nil {
		return matches, err
	}
	defer func() { err = errors.Join(err, byUser.Close()) }()
	if err := p.Report.resume(0, nil); err != nil {
		return matches, err
	}
	if matches.Malformed, err = p.readUsers(ctx, users, byAddress); err != nil {
		return matches, err
	}
	if err := p.readCustomers(ctx, byAddress); err != nil {
		return matches, err
	}
	if err := match(ctx, byAddress, byUser); err != nil {
		return matches, err
	}
	if err := p.writeRows(byUser, out, &matches); err != nil {
		return matches, err
	}
	_, _, err = p.Report.flush()
	return matches, err
}

// Of the lines with one address, customers sort before users.
const ofCustomer, ofUser = "c", "u"

func (p *Proposal) readUsers(ctx context.Context, users io.Reader, into *extsort.Sorter) (malformed int64, err error) {
	records, err := newRecords(users)
	if err != nil {
		return 0, err
	}
	user, email := -1, -1
	for n := 1; ; n++ {
		found, err := records.next()
		if errors.Is(err, io.EOF) {
			_, _, err := p.Report.flush()
			return malformed, err
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return malformed, err
		}
		if found.fields == nil && found.malformed == "" {
			continue
		}
		if user < 0 {
			isHeader := false
			if user, email, isHeader, err = usersColumns(found.fields); err != nil {
				return malformed, err
			}
			if isHeader {
				continue
			}
		}
		reason := whyNoUser(records, found, user, email)
		if reason != "" {
			malformed++
			p.Report.add(Row{Kind: kindMalformed, Line: found.line, Detail: reason})
		} else {
			address := found.fields[email]
			if isEmptyCell(address) {
				address = ""
			}
			if err := into.Add(strings.Join([]string{lookAlike(address), ofUser, found.fields[user], address},
				separator)); err != nil {
				return malformed, err
			}
		}
		if n%batchLines == 0 {
			if _, _, err := p.Report.flush(); err != nil {
				return malformed, err
			}
		}
	}
}

// usersColumns returns the columns of a file of users, from its header if it has one.
func usersColumns(fields []string) (user, email int, isHeader bool, err error) {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = strings.ToLower(field)
	}
	user, email = slices.Index(names, columnUser), slices.Index(names, columnEmail)
	switch {
	case user >= 0 && email >= 0:
		return user, email, true, nil
	case user >= 0 || email >= 0:
		return 0, 0, false, errors.New("the header of the users lacks a column: it must have user_id,email")
	}
	return 0, 1, false, nil
}

// whyNoUser returns why a line of users is malformed, or "" if it is not.
func whyNoUser(records *records, found record, user, email int) string {
	if found.malformed != "" {
		return found.malformed
	}
	id, address := cellOf(found.fields, user), cellOf(found.fields, email)
	switch {
	case len(found.rest) > 0 && (len(found.fields) <= max(user, email) || strings.Contains(id+address, "\n")):
		records.splitAgain(&found)
		return misquoted
	case len(found.fields) <= max(user, email):
		return "a column is missing: write user_id,email"
	case whyNoUserID(id) != "":
		return whyNoUserID(id)
	case isEmptyCell(address):
		return ""
	case !strings.Contains(address, "@"), strings.ContainsFunc(address, unicode.IsControl),
		strings.ContainsRune(address, utf8.RuneError):
		return "the e-mail address is not valid: correct it, or leave it empty"
	}
	for _, cell := range []string{id, address} {
		if _, ok := inertCell(cell); !ok {
			return "a spreadsheet would read a part of the line as a formula: remove the =, +, - or @ before it"
		}
	}
	return ""
}

func (p *Proposal) readCustomers(ctx context.Context, into *extsort.Sorter) error {
	p.Progress.Start("read customers", 0, 0)
	defer p.Progress.Stop()
	for after, more := "", true; more; {
		var page []customer
		err := retry(ctx, func() (err error) {
			page, more, err = customersAfter(ctx, p.Reader, p.Limiter, after, "data.subscriptions")
			return err
		})
		if err != nil {
			return err
		}
		for _, c := range page {
			after = c.ID
			if lookAlike(c.Email) == "" || c.Deleted || strings.ContainsFunc(c.Email, unicode.IsControl) {
				continue
			}
			line := []string{lookAlike(c.Email), ofCustomer, c.ID, c.Email, strconv.FormatInt(c.Created, 10),
				strings.Join(c.active(), " ")}
			if err := into.Add(strings.Join(line, separator)); err != nil {
				return err
			}
		}
		p.Progress.Read(len(page))
	}
	return nil
}

// active returns the subscriptions that the customer pays for or owes for.
func (c customer) active() []string {
	var active []string
	for _, s := range c.Subscriptions.Data {
		if s.Status == "active" || s.Status == "trialing" || s.Status == "past_due" {
			active = append(active, s.ID)
		}
	}
	return active
}

// maxListed limits the customers that a proposal names for one address.
const maxListed = 20

// candidates are the customers of one address.
type candidates struct {
	count  int
	first  []string // the fields of the first one
	listed []string
}

func (c *candidates) add(fields []string) {
	if c.count++; c.count == 1 {
		c.first = fields
	}
	if c.count <= maxListed {
		c.listed = append(c.listed, strings.TrimSpace(fields[2]+" "+fields[5]))
	}
}

// match reads the customers and then the users of each address, and adds a row for each user.
func match(ctx context.Context, byAddress, byUser *extsort.Sorter) error {
	var found candidates
	var address string
	var user []string // the fields of a user of the address that is not written yet
	users := 0        // different users of the address so far
	write := func() error {
		if user == nil {
			return nil
		}
		row := found.row(user, users == 1)
		user = nil
		return byUser.Add(strings.Join(row, separator))
	}
	for line, err := range byAddress.Sorted() {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		fields := strings.Split(line, separator)
		if fields[0] != address {
			if err := write(); err != nil {
				return err
			}
			address, found, users = fields[0], candidates{}, 0
		}
		if fields[1] == ofCustomer {
			found.add(fields)
			continue
		}
		if len(user) == 0 || user[2] != fields[2] {
			users++
		} else if sameAddress(user[3]) == sameAddress(fields[3]) {
			continue // the same user and address again
		}
		if err := write(); err != nil {
			return err
		}
		user = fields
	}
	return write()
}

// row returns the row of a user. isOnly says that no other user has the address.
func (c *candidates) row(user []string, isOnly bool) []string {
	row := []string{user[2], "", "", matchNone, strconv.Itoa(c.count), "", "", user[3]}
	if c.count == 0 {
		return row
	}
	first := c.first
	if c.count > 1 || !isOnly || sameAddress(first[3]) != sameAddress(user[3]) {
		row[3] = matchSeveral
		row[6] = strings.Join(c.listed, "; ")
		if more := c.count - len(c.listed); more > 0 {
			row[6] += fmt.Sprintf("; and %d more", more)
		}
		return row
	}
	row[1], row[2], row[3], row[6] = first[2], first[4], matchUnique, first[5]
	if created, err := strconv.ParseInt(first[4], 10, 64); err == nil {
		row[5] = time.Unix(created, 0).UTC().Format(time.DateOnly)
	}
	return row
}

// writeRows writes one line for each user. A user with several addresses counts as several, unless
// only one address has customers.
func (p *Proposal) writeRows(byUser *extsort.Sorter, out io.Writer, matches *Matches) error {
	w := csv.NewWriter(out)
	if err := w.Write(proposalColumns); err != nil {
		return err
	}
	var row []string
	write := func() error {
		switch {
		case row == nil:
			return nil
		case row[3] == matchUnique:
			matches.Unique++
		case row[3] == matchSeveral:
			matches.Several++
		default:
			matches.None++
		}
		for i := range row {
			row[i], _ = inertCell(row[i]) // cells that cannot be escaped were refused before
		}
		return w.Write(row)
	}
	for line, err := range byUser.Sorted() {
		if err != nil {
			return err
		}
		next := strings.Split(line, separator)
		if len(row) > 0 && row[0] == next[0] {
			row = joined(row, next)
			continue
		}
		if err := write(); err != nil {
			return err
		}
		row = next
	}
	if err := write(); err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

// maxAlternatives limits the list of customers of a user with many addresses, in bytes.
const maxAlternatives = 1000

// joined combines two rows of the same user.
func joined(row, next []string) []string {
	switch {
	case next[3] == matchNone || next[1] != "" && next[1] == row[1]:
		return row
	case row[3] == matchNone:
		return next
	}
	count, _ := strconv.Atoi(row[4])
	more, _ := strconv.Atoi(next[4])
	both := []string{row[0], "", "", matchSeveral, strconv.Itoa(count + more), "", row[6], row[7]}
	for _, of := range [][]string{row, next} {
		if of[1] != "" && len(both[6]) < maxAlternatives {
			both[6] = strings.TrimPrefix(both[6]+"; "+of[1], "; ")
		}
	}
	return both
}
