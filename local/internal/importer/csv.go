package importer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"billingportal/functions/app"
)

// FromCSV is a file of user_id,customer_id[,claimed_at], with a header or without. With a header the columns may be in any order,
// and others among them; of one with the column match, as proposals have it, the lines that say unique are taken.
//
// A line is a record: a user's ID has no line ends.
type FromCSV struct {
	Path string
	File io.ReadSeeker // nil for Input
	// Input cannot be read anew: a run that goes on reads over what was done.
	Input io.Reader

	r    *bufio.Reader
	at   int64 // where r is
	open bool
}

const (
	batchLines = 1000
	maxLine    = 64 << 10 // bytes; more is read over
)

// Name implements Source.
func (s *FromCSV) Name() string { return "csv:" + s.Path }

// ByHand implements Source.
func (s *FromCSV) ByHand() bool { return true }

// Next implements Source.
func (s *FromCSV) Next(ctx context.Context, from Position) (Batch, error) {
	if err := s.seek(from.Offset); err != nil {
		return Batch{}, err
	}
	batch := Batch{Next: from}
	for n := 0; n < batchLines; n++ {
		if err := ctx.Err(); err != nil {
			return Batch{}, err
		}
		text, isTooLong, err := s.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return Batch{}, err
		}
		if err == nil || len(text) > 0 {
			batch.Next.Line++
			s.take(&batch, text, isTooLong)
		}
		batch.Next.Offset = s.at
		if err != nil {
			batch.Next.End = true
			break
		}
	}
	return batch, nil
}

func (s *FromCSV) seek(offset int64) error {
	if s.open && s.at == offset {
		return nil
	}
	if s.File != nil {
		if _, err := s.File.Seek(offset, io.SeekStart); err != nil {
			return err
		}
		s.r = bufio.NewReader(s.File)
	} else {
		s.r = bufio.NewReader(s.Input)
		if _, err := io.CopyN(io.Discard, s.r, offset); err != nil {
			return err
		}
	}
	s.at, s.open = offset, true
	return nil
}

// line reads a line without its end. Of one that is too long the beginning is kept.
func (s *FromCSV) line() (text []byte, isTooLong bool, err error) {
	for {
		part, err := s.r.ReadSlice('\n')
		s.at += int64(len(part))
		if room := maxLine - len(text); len(part) > room {
			part, isTooLong = part[:max(0, room)], true
		}
		text = append(text, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(text, "\r\n"), isTooLong, err
		}
	}
}

var (
	bom     = []byte("\ufeff")
	columns = []string{"user_id", "customer_id", "claimed_at"}
)

func (s *FromCSV) take(batch *Batch, text []byte, isTooLong bool) {
	line := batch.Next.Line
	reject := func(user, reason string) {
		batch.Rejected = append(batch.Rejected, Rejected{Line: line, User: user, Reason: reason})
	}
	if line == 1 {
		text = bytes.TrimPrefix(text, bom)
	}
	switch {
	case isTooLong:
		reject("", "the line has more than 65,536 bytes")
		return
	case len(bytes.TrimSpace(text)) == 0:
		batch.Skipped++
		return
	case !utf8.Valid(text):
		reject("", "the line is not UTF-8")
		return
	}
	fields, err := csv.NewReader(bytes.NewReader(text)).Read()
	if err != nil {
		reject("", "the line is no CSV: a quotation mark is in the wrong place")
		return
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	if line == 1 && isHeader(fields) {
		batch.Next.Header = lower(fields)
		batch.Skipped++
		return
	}
	user, customer, claimed, match := pick(fields, batch.Next.Header)
	if match != "" && match != matchUnique {
		batch.Skipped++
		return
	}
	at, ok := parseTime(claimed)
	switch {
	case len(fields) < 2:
		reject(user, "a column is missing: user_id,customer_id[,claimed_at]")
	case !app.IsUserID(user):
		reject("", "the user is empty, has more than 255 characters, or has control characters")
	case !app.IsCustomerID(customer):
		reject(user, "the customer is not of the form cus_…")
	case !ok:
		reject(user, "claimed_at is neither seconds since 1970 nor a time such as 2024-06-03T16:00:00Z, of the past")
	default:
		batch.Claims = append(batch.Claims, Claim{Line: line, User: user, Customer: customer, At: at})
	}
}

func lower(fields []string) []string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = strings.ToLower(field)
	}
	return names
}

func isHeader(fields []string) bool {
	names := lower(fields)
	return slices.Contains(names, columns[0]) && slices.Contains(names, columns[1])
}

// pick finds the columns by their header, or by their places.
func pick(fields, header []string) (user, customer, claimed, match string) {
	get := func(name string, place int) string {
		if header != nil {
			place = slices.Index(header, name)
		}
		if place < 0 || place >= len(fields) {
			return ""
		}
		return fields[place]
	}
	user, customer, claimed = get(columns[0], 0), get(columns[1], 1), get(columns[2], 2)
	if header != nil {
		match = get("match", -1)
	}
	return user, customer, claimed, match
}

// parseTime reads when a claim was made. Without a time it is older than all that Stripe says.
func parseTime(text string) (seconds int64, ok bool) {
	if text == "" {
		return 0, true
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return 0, false
		}
		seconds = at.Unix()
	}
	// A time to come would win over all that follows.
	return seconds, seconds >= 0 && seconds <= time.Now().Unix()
}
