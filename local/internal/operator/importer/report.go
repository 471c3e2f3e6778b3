package importer

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"
)

// The kinds of rows of a report.
const (
	kindMalformed = "malformed" // cannot be read
	kindFailed    = "failed"    // the table refused it
	kindConflict  = "conflict"  // a user of several customers, or a customer of several users
	kindDeleted   = "deleted"   // the customer was deleted
	kindReleased  = "released"  // the customer's metadata stopped naming the user
	kindRenamed   = "renamed"   // the customer's metadata names another user
	kindMissing   = "missing"   // Stripe has no such customer
	kindLeftOut   = "left out"  // the user's item had no room for the customer
)

// Row is a row of the report: a finding about a line, a user or a customer.
type Row struct {
	Kind     string `json:"kind"`
	Line     int64  `json:"line,omitempty"` // of the file; 0 for none
	User     string `json:"user,omitempty"`
	Customer string `json:"customer,omitempty"`
	Detail   string `json:"detail"`
	// IsNote marks a finding that is not a failure: the claim was imported.
	IsNote bool `json:"-"`
}

// Report is a CSV file of findings for the operator, with the columns kind, line, user_id,
// customer_id and detail. No cell is a formula. The zero value writes no file.
type Report struct {
	file *os.File

	mu    sync.Mutex
	rows  [][]string     // of the current batch
	first map[string]Row // the first row of each kind, apart from notes
}

// OpenReport opens a file for a report.
func OpenReport(path string) (*Report, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	return &Report{file: file}, nil
}

// Close closes the file.
func (r *Report) Close() error {
	if r == nil || r.file == nil {
		return nil
	}
	return r.file.Close()
}

// resume removes the rows that an interrupted run wrote but could not note in its state.
func (r *Report) resume(size int64, first map[string]Row) error {
	r.first = map[string]Row{}
	maps.Copy(r.first, first)
	if r.file == nil {
		return nil
	}
	if err := r.file.Truncate(size); err != nil {
		return err
	}
	if _, err := r.file.Seek(size, 0); err != nil {
		return err
	}
	if size == 0 {
		r.rows = [][]string{{"kind", "line", "user_id", "customer_id", "detail"}}
	}
	return nil
}

func (r *Report) add(row Row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if first, isKnown := r.first[row.Kind]; !row.IsNote && (!isKnown || row.Line < first.Line) {
		r.first[row.Kind] = row
	}
	if r.file == nil {
		return
	}
	cells := []string{row.Kind, "", row.User, row.Customer, row.Detail}
	if row.Line > 0 {
		cells[1] = strconv.FormatInt(row.Line, 10)
	}
	for i := range cells {
		cells[i], _ = inertCell(cells[i])
	}
	r.rows = append(r.rows, cells)
}

// flush writes the rows of a batch. It returns the size of the file and the first row of each kind
// at that point.
func (r *Report) flush() (size int64, first map[string]Row, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first = maps.Clone(r.first)
	if r.file == nil {
		return 0, first, nil
	}
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	if err := w.WriteAll(r.rows); err != nil {
		return 0, nil, err
	}
	r.rows = nil
	if _, err := r.file.Write(text.Bytes()); err != nil {
		return 0, nil, err
	}
	size, err = r.file.Seek(0, io.SeekCurrent)
	return size, first, err
}

// FirstRefused returns a line for each kind of finding: the first line that was not imported, or
// the first wrong mapping, with its reason.
func (r *Report) FirstRefused() []string {
	var said []string
	for _, kind := range []string{kindMalformed, kindFailed, kindConflict, kindDeleted, kindReleased, kindRenamed,
		kindMissing, kindLeftOut} {
		row, ok := r.first[kind]
		if !ok {
			continue
		}
		var of []string
		if row.Line > 0 {
			of = append(of, "line "+strconv.FormatInt(row.Line, 10))
		}
		if row.User != "" {
			of = append(of, fmt.Sprintf("user %q", row.User))
		}
		if row.Customer != "" {
			of = append(of, "customer "+row.Customer)
		}
		said = append(said, "First "+kind+": "+cmp.Or(strings.Join(of, ", "), "a customer")+": "+row.Detail)
	}
	return said
}
