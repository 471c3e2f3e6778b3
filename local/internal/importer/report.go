package importer

import (
	"bytes"
	"encoding/csv"
	"os"
	"strconv"
	"sync"
)

// Report is a CSV file of what needs somebody's eyes: kind, line, user_id, customer_id, detail. Its zero value keeps nothing.
type Report struct {
	file *os.File

	mu   sync.Mutex
	rows [][]string // of the batch under way
}

// OpenReport opens a file to report into.
func OpenReport(path string) (*Report, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // whoever runs the command says which
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

// resume takes off what a run wrote that was cut off before it noted it.
func (r *Report) resume(size int64) error {
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

func (r *Report) add(kind string, line int64, user, customer, detail string) {
	if r.file == nil {
		return
	}
	number := ""
	if line > 0 {
		number = strconv.FormatInt(line, 10)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, []string{kind, number, user, customer, detail})
}

// flush writes the rows of a batch, and returns the file's size then.
func (r *Report) flush() (int64, error) {
	if r.file == nil {
		return 0, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	if err := w.WriteAll(r.rows); err != nil {
		return 0, err
	}
	r.rows = nil
	if _, err := r.file.Write(text.Bytes()); err != nil {
		return 0, err
	}
	return r.file.Seek(0, 1)
}
