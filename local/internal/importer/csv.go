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
	Path    string
	Version string        // of the file: another one has other lines where a run was cut off
	File    io.ReadSeeker // nil for Input
	// Input cannot be read anew: a run that goes on reads over what was done.
	Input io.Reader

	lines *lineReader // nil: not opened yet
}

// lineReader reads lines of any length in little memory.
type lineReader struct {
	r  *bufio.Reader
	at int64 // bytes read
}

const (
	batchLines = 1000
	maxLine    = 64 << 10 // bytes; more is read over
)

// Name implements Source.
func (s *FromCSV) Name() string { return strings.TrimSpace("csv:" + s.Path + " " + s.Version) }

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
		text, isTooLong, err := s.lines.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return Batch{}, err
		}
		if err == nil || len(text) > 0 {
			batch.Next.Line++
			s.take(&batch, text, isTooLong)
		}
		batch.Next.Offset = s.lines.at
		if err != nil {
			batch.Next.End = true
			break
		}
	}
	return batch, nil
}

func (s *FromCSV) seek(offset int64) error {
	if s.lines != nil && s.lines.at == offset {
		return nil
	}
	var r *bufio.Reader
	if s.File != nil {
		if _, err := s.File.Seek(offset, io.SeekStart); err != nil {
			return err
		}
		r = bufio.NewReader(s.File)
	} else {
		r = bufio.NewReader(s.Input)
		if _, err := io.CopyN(io.Discard, r, offset); err != nil {
			return err
		}
	}
	s.lines = &lineReader{r, offset}
	return nil
}

// next reads a line without its end. Of one that is too long the beginning is kept.
func (l *lineReader) next() (text []byte, isTooLong bool, err error) {
	for {
		part, err := l.r.ReadSlice('\n')
		l.at += int64(len(part))
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

// fieldsOf reads the fields of a line, or says why it cannot. An empty line has none.
func fieldsOf(line int64, text []byte, isTooLong bool) (fields []string, malformed string) {
	if line == 1 {
		text = bytes.TrimPrefix(text, bom)
	}
	switch {
	case isTooLong:
		return nil, "the line has more than 65,536 bytes"
	case len(bytes.TrimSpace(text)) == 0:
		return nil, ""
	case !utf8.Valid(text):
		return nil, "the line is not UTF-8"
	}
	fields, err := csv.NewReader(bytes.NewReader(text)).Read()
	if err != nil {
		return nil, "the line is no CSV: a quotation mark is in the wrong place"
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields, ""
}

// maxShown bounds what is kept of a user who is none, so that memory is flat whatever a file is like.
const maxShown = 255

func shown(user string) string {
	if len(user) > maxShown {
		user = strings.ToValidUTF8(user[:maxShown], "") + "…"
	}
	return strings.Clone(user) // and not the line that it is a part of
}

func (s *FromCSV) take(batch *Batch, text []byte, isTooLong bool) {
	line := batch.Next.Line
	reject := func(user, reason string) {
		batch.Rejected = append(batch.Rejected, Rejected{Line: line, User: shown(user), Reason: reason})
	}
	fields, malformed := fieldsOf(line, text, isTooLong)
	switch {
	case malformed != "":
		reject("", malformed)
		return
	case fields == nil:
		batch.Skipped++
		return
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
		batch.Claims = append(batch.Claims, Claim{Line: line, User: strings.Clone(user), Customer: strings.Clone(customer), At: at})
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
