package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// state is the progress of an import. It is kept in a file, so that a run can continue an
// interrupted one.
type state struct {
	mu   sync.Mutex
	path string // "" for no file

	Source     string         `json:"source"`
	Target     string         `json:"target"`
	Position   Position       `json:"position"`          // where to read on
	Pending    []Batch        `json:"pending,omitempty"` // read but not written yet
	Checked    bool           `json:"checked,omitempty"` // whether the check for customers of several users is done
	Read       int64          `json:"read"`              // claims, rejected and skipped lines
	Counts     Counts         `json:"counts"`
	ReportSize int64          `json:"report_size"`
	First      map[string]Row `json:"first,omitempty"` // the first row of each kind of the report
}

func openState(path, source, target string) (*state, error) {
	s := &state{path: path, Source: source, Target: target}
	isNew, err := load(path, s)
	if err != nil || isNew {
		return s, err
	}
	if s.Source != source || s.Target != target {
		return nil, otherRun(path, s.Source, s.Target)
	}
	return s, nil
}

// StateError reports a state file that this run cannot continue.
type StateError struct{ reason string }

func (e *StateError) Error() string { return e.reason }

func otherRun(path, source, target string) error {
	return &StateError{fmt.Sprintf("%s belongs to another run, from %s with %s: remove it to start over, or name "+
		"another --state file",
		path, source, target)}
}

// load reads a state file into a state, or creates the file.
func load(path string, into any) (isNew bool, err error) {
	if path == "" {
		return true, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if errors.Is(err, fs.ErrNotExist) {
		return true, save(path, into)
	}
	if err != nil {
		return false, err
	}
	if json.Unmarshal(text, into) != nil {
		return false, &StateError{path +
			" is not the state file of an import: remove it to start over, or name another --state file"}
	}
	return false, nil
}

// save replaces a state file in one step, so that the file is always complete.
func save(path string, state any) error {
	if path == "" {
		return nil
	}
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	fresh := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := writeThrough(fresh, text); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// writeThrough writes a file and flushes it to the disk, so that it is complete even after a crash
// of the machine.
func writeThrough(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

func (s *state) position() Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Position
}

func (s *state) counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Counts
}

func (s *state) noteRead(batch Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Position = batch.Next
	s.Pending = append(s.Pending, batch)
	s.Read += int64(batch.size())
	return save(s.path, s)
}

// noteWritten removes the oldest pending batch after it was written.
func (s *state) noteWritten(counts Counts, report *Report) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Pending = append([]Batch(nil), s.Pending[1:]...)
	return s.note(counts, report)
}

func (s *state) noteChecked(counts Counts, report *Report) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Checked = true
	return s.note(counts, report)
}

func (s *state) note(counts Counts, report *Report) (err error) {
	s.Counts.add(counts)
	if s.ReportSize, s.First, err = report.flush(); err != nil {
		return err
	}
	return save(s.path, s)
}
