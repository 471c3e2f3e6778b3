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
	kindFailed    = "failed"    // the table refuses it
	kindConflict  = "conflict"  // a user of several customers, or a customer of several users
	kindDeleted   = "deleted"   // the customer was deleted
	kindReleased  = "released"  // the customer's metadata has ceased to name the user
	kindRenamed   = "renamed"   // the customer's metadata names another user
	kindMissing   = "missing"   // Stripe does not know the customer
	kindLeftOut   = "left out"  // the user's item had no room for the customer
)

// Row is a finding about a line, a user or a customer.
type Row struct {
	Kind     string `json:"kind"`
	Line     int64  `json:"line,omitempty"` // of a file; 0 for none
	User     string `json:"user,omitempty"`
	Customer string `json:"customer,omitempty"`
	Detail   string `json:"detail"`
	// IsNote marks a finding that is not a failure: all was imported.
	IsNote bool `json:"-"`
}

// Report is a CSV file of findings for a person to look at: kind, line, user_id, customer_id,
// detail. No cell of it is a formula. Its zero value writes no file.
type Report struct {
	file *os.File

	mu    sync.Mutex
	rows  [][]string     // of the batch under way
	first map[string]Row // of each kind that is not a note
}

// OpenReport opens a file to report into.
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

// resume removes what an earlier run wrote before it was cut off and could note it.
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

// flush writes the rows of a batch, and returns the file's size and the first row of each kind
// then.
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

// FirstRefused says of each kind of line that was not imported, or of mapping that is wrong, what
// the first one is and why.
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
