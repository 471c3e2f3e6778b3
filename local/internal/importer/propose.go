package importer

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

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
	if matches.Malformed, err = readUsers(users, byAddress); err != nil {
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

func readUsers(users io.Reader, into *spill.Sorter) (malformed int64, err error) {
	r := csv.NewReader(users)
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	user, email := 0, 1
	for n := 0; ; n++ {
		fields, err := r.Read()
		var parse *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return malformed, nil
		case errors.As(err, &parse):
			malformed++
			continue
		case err != nil:
			return malformed, err
		}
		if n == 0 {
			fields[0] = strings.TrimPrefix(fields[0], string(bom))
			if names := lower(fields); slices.Contains(names, "user_id") && slices.Contains(names, "email") {
				user, email = slices.Index(names, "user_id"), slices.Index(names, "email")
				continue
			}
		}
		if len(fields) <= max(user, email) || fields[user] == "" || !strings.Contains(fields[email], "@") || strings.Contains(fields[user]+fields[email], separator) || strings.ContainsAny(fields[user]+fields[email], "\r\n") {
			malformed++
			continue
		}
		if err := into.Add(address(fields[email]) + separator + fields[user] + separator + strings.TrimSpace(fields[email])); err != nil {
			return malformed, err
		}
	}
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
