package importer

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/time/rate"

	"billingportal/functions/app"
	"billingportal/local/internal/spill"
)

// What a proposal says of a user: whether one customer has their address, several have, or none.
const (
	matchUnique  = "unique"
	matchSeveral = "several"
	matchNone    = "none"
)

var proposalColumns = []string{"user_id", "customer_id", "claimed_at", "match", "customers", "since", "active_subscriptions", "email"}

// Proposal ties users to customers by their e-mail addresses, for a person to read: an address at Stripe is whatever a buyer
// typed.
type Proposal struct {
	Reader   Reader
	Limiter  *rate.Limiter
	Report   *Report // of malformed lines; nil keeps nothing
	Progress Progress
}

// Matches counts what a proposal says.
type Matches struct{ Unique, Several, None, Malformed int64 }

// Write reads users (user_id,email) and every customer, once each, and writes a line for each user, ordered by address. Memory is
// flat: both are sorted on disk.
func (p *Proposal) Write(ctx context.Context, users io.Reader, out io.Writer) (matches Matches, err error) {
	byAddress, err := spill.New()
	if err != nil {
		return matches, err
	}
	defer func() { err = errors.Join(err, byAddress.Close()) }()
	customers, err := spill.New()
	if err != nil {
		return matches, err
	}
	defer func() { err = errors.Join(err, customers.Close()) }()
	if p.Report == nil {
		p.Report = &Report{}
	}
	if err := p.Report.resume(0); err != nil {
		return matches, err
	}
	if matches.Malformed, err = p.readUsers(users, byAddress); err != nil {
		return matches, err
	}
	if err := p.readCustomers(ctx, customers); err != nil {
		return matches, err
	}
	w := csv.NewWriter(out)
	if err := w.Write(proposalColumns); err != nil {
		return matches, err
	}
	if err := join(byAddress.Sorted(), customers.Sorted(), w, &matches); err != nil {
		return matches, err
	}
	w.Flush()
	return matches, w.Error()
}

// Between the fields of a line that is sorted: less than every character of an address, so that equal addresses come together.
const separator = "\x00"

// address is how addresses are compared: without case, and without what people type around them.
func address(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// readUsers reads a file line by line: a quotation mark in the wrong place costs its own line alone.
func (p *Proposal) readUsers(users io.Reader, into *spill.Sorter) (malformed int64, err error) {
	lines := &lineReader{r: bufio.NewReader(users)}
	user, email := 0, 1
	for n := int64(1); ; n++ {
		text, isTooLong, err := lines.next()
		isLast := errors.Is(err, io.EOF)
		if err != nil && !isLast {
			return malformed, err
		}
		fields, reason := fieldsOf(n, text, isTooLong)
		if names := lower(fields); n == 1 && slices.Contains(names, "user_id") && slices.Contains(names, "email") {
			user, email = slices.Index(names, "user_id"), slices.Index(names, "email")
			fields = nil
		}
		if fields != nil {
			reason = whyNoUser(fields, user, email)
		}
		switch {
		case reason != "":
			malformed++
			p.Report.add("malformed", n, "", "", reason)
		case fields != nil:
			if err := into.Add(address(fields[email]) + separator + fields[user] + separator + fields[email]); err != nil {
				return malformed, err
			}
		}
		if reason != "" && malformed%batchLines == 0 || isLast {
			if _, err := p.Report.flush(); err != nil {
				return malformed, err
			}
		}
		if isLast {
			return malformed, nil
		}
	}
}

// whyNoUser says what is wrong with a line of users; "" for nothing.
func whyNoUser(fields []string, user, email int) string {
	switch {
	case len(fields) <= max(user, email):
		return "a column is missing: user_id,email"
	case !app.IsUserID(fields[user]):
		return "the user is empty, has more than 255 characters, or has control characters"
	case !strings.Contains(fields[email], "@"), strings.ContainsFunc(fields[email], unicode.IsControl):
		return "the e-mail address is none"
	}
	return ""
}

func (p *Proposal) readCustomers(ctx context.Context, into *spill.Sorter) error {
	p.Progress.Start(0)
	defer p.Progress.Stop()
	source := &Import{}
	for after, more := "", true; more; {
		var page []customer
		err := source.again(ctx, func() (err error) {
			page, more, err = customersAfter(ctx, p.Reader, p.Limiter, after, "data.subscriptions")
			return err
		})
		if err != nil {
			return err
		}
		for _, c := range page {
			after = c.ID
			if c.Email == "" || c.Deleted || strings.Contains(c.Email, separator) || strings.ContainsAny(c.Email, "\r\n") {
				continue
			}
			if err := into.Add(address(c.Email) + separator + c.ID + separator + strconv.FormatInt(c.Created, 10) + separator + strings.Join(c.active(), " ")); err != nil {
				return err
			}
		}
		p.Progress.Read(len(page), 0)
	}
	return nil
}

// active are the subscriptions that somebody pays for.
func (c customer) active() []string {
	var active []string
	for _, s := range c.Subscriptions.Data {
		if s.Status == "active" || s.Status == "trialing" || s.Status == "past_due" {
			active = append(active, s.ID)
		}
	}
	return active
}

// join goes through both sorted lists at once.
func join(users, customers iter.Seq2[string, error], w *csv.Writer, matches *Matches) error {
	next, stop := iter.Pull2(customers)
	defer stop()
	row, err, more := next()
	if err != nil {
		return err
	}
	var found []string // customers of one address, as lines
	var foundFor string
	for line, err := range users {
		if err != nil {
			return err
		}
		fields := strings.Split(line, separator)
		if fields[0] != foundFor {
			found, foundFor = found[:0], fields[0]
			for more && strings.Split(row, separator)[0] <= foundFor {
				if strings.Split(row, separator)[0] == foundFor {
					found = append(found, row)
				}
				if row, err, more = next(); err != nil {
					return err
				}
			}
		}
		if err := w.Write(proposalRow(fields, found, matches)); err != nil {
			return err
		}
	}
	return nil
}

func proposalRow(user, customers []string, matches *Matches) []string {
	row := []string{user[1], "", "", matchNone, strconv.Itoa(len(customers)), "", "", user[2]}
	switch {
	case len(customers) == 0:
		matches.None++
		return row
	case len(customers) > 1:
		matches.Several++
		row[3] = matchSeveral
		var ids []string
		for _, line := range customers {
			fields := strings.Split(line, separator)
			ids = append(ids, strings.TrimSpace(fields[1]+" "+fields[3]))
		}
		row[6] = strings.Join(ids, "; ")
		return row
	}
	matches.Unique++
	fields := strings.Split(customers[0], separator)
	row[1], row[2], row[3], row[6] = fields[1], fields[2], matchUnique, fields[3]
	if created, err := strconv.ParseInt(fields[2], 10, 64); err == nil {
		row[5] = time.Unix(created, 0).UTC().Format(time.DateOnly)
	}
	return row
}
