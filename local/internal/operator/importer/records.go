package importer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"billingportal/functions/app/operator"
)

// records reads CSV files with commas, semicolons or tabs, and with quoted fields of several lines.
// A quotation mark in the wrong place loses only its own line.
type records struct {
	lines     *lineReader
	delimiter byte
	ahead     []rawLine // lines that were read but not used yet
}

// record is one line of a file, or several lines that a quoted field joins.
type record struct {
	line      int64    // the number of its first line
	fields    []string // nil for an empty line
	malformed string   // why it cannot be read; "" if it can
	rest      []rawLine
}

const misquoted = "a quotation mark is in the wrong place: quote whole fields, and double a mark inside a field"

func newRecords(r io.Reader) (*records, error) {
	lines := newLineReader(r)
	sample, err := lines.sample()
	if err != nil {
		return nil, err
	}
	return &records{lines: lines, delimiter: delimiterOf(sample)}, nil
}

// next returns a record, or io.EOF after the last one.
func (r *records) next() (record, error) {
	first, err := r.read()
	if err != nil {
		return record{}, err
	}
	found := record{line: first.number}
	switch {
	case first.isTooLong:
		found.malformed = "the line has more than 65,536 bytes: shorten it"
	case strings.TrimSpace(first.text) == "", first.number == 1 && separatorHint.MatchString(first.text):
	case !utf8.ValidString(first.text):
		found.malformed = "the line is not UTF-8: export the file again, as UTF-8"
	case !strings.Contains(first.text, `"`):
		found.fields = trimmed(strings.Split(first.text, string(r.delimiter)))
	default:
		err = r.quoted(&found, first.text)
	}
	return found, err
}

// quoted reads a record with quotation marks. A whole record has an even number of them, so a
// record with an odd number continues on the next line.
func (r *records) quoted(found *record, text string) error {
	for isOpen := strings.Count(text, `"`)%2 == 1; isOpen; {
		line, err := r.read()
		isOver := errors.Is(err, io.EOF)
		if err != nil && !isOver {
			return err
		}
		if !isOver {
			found.rest = append(found.rest, line)
			text += "\n" + line.text
		}
		if isOver || line.isTooLong || len(text) > maxLine || !utf8.ValidString(line.text) {
			r.splitAgain(found)
			return nil
		}
		isOpen = strings.Count(line.text, `"`)%2 == 0
	}
	text = strings.TrimRight(text, " ")
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma, reader.FieldsPerRecord = rune(r.delimiter), -1
	reader.TrimLeadingSpace = r.delimiter != '\t' // a tab is white space itself
	fields, err := reader.Read()
	if err == nil && reader.InputOffset() == int64(len(text)) {
		found.fields = trimmed(fields)
	} else {
		r.splitAgain(found)
	}
	return nil
}

// splitAgain returns the lines after the first one to the reader. A quotation mark in the wrong
// place had joined them.
func (r *records) splitAgain(found *record) {
	r.ahead = append(found.rest, r.ahead...)
	found.rest, found.fields, found.malformed = nil, nil, misquoted
}

func (r *records) read() (rawLine, error) {
	if len(r.ahead) == 0 {
		return r.lines.next()
	}
	line := r.ahead[0]
	r.ahead = r.ahead[1:]
	return line, nil
}

func trimmed(fields []string) []string {
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields
}

// separatorHint matches the line that spreadsheets write before the first record, to name the
// separator of fields.
var separatorHint = regexp.MustCompile(`^(?i:sep)=([,;\t|])\s*$`)

// delimiterOf returns the separator of fields, from the beginning of a file. It is the character
// that isolates column names, customer IDs or addresses, or else the character that splits the most
// lines.
func delimiterOf(sample []byte) byte {
	first, _, _ := bytes.Cut(sample, []byte("\n"))
	first, _, _ = bytes.Cut(first, []byte("\r"))
	if hint := separatorHint.FindSubmatch(first); hint != nil {
		return hint[1][0]
	}
	lines := bytes.FieldsFunc(sample, func(r rune) bool { return r == '\r' || r == '\n' })
	best, most := byte(','), 0
	for _, delimiter := range []byte(",;\t") {
		score := 0
		for _, line := range lines[:min(len(lines), 100)] {
			score += isolates(string(line), delimiter)
		}
		if score > most {
			best, most = delimiter, score
		}
	}
	return best
}

const isolatedScore = 10

func isolates(line string, delimiter byte) (score int) {
	fields := strings.Split(line, string(delimiter))
	if len(fields) < 2 {
		return 0
	}
	for _, field := range fields {
		field = strings.Trim(strings.TrimSpace(field), `"`)
		isAddress := strings.Contains(field, "@") && !strings.ContainsAny(field, " ,;\t")
		if isAddress || operator.IsCustomerID(field) || isColumn(field) {
			return isolatedScore
		}
	}
	return 1
}
