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

// state is what has been done, kept in a file so that a run goes on where another was cut off.
type state struct {
	mu   sync.Mutex
	path string // "": nowhere

	Source     string   `json:"source"`
	Target     string   `json:"target"`
	Position   Position `json:"position"`          // where to read on
	Pending    []Batch  `json:"pending,omitempty"` // read, and not yet written
	Read       int64    `json:"read"`              // claims and others
	Counts     Counts   `json:"counts"`
	ReportSize int64    `json:"report_size"`
}

func openState(path, source, target string) (*state, error) {
	s := &state{path: path, Source: source, Target: target}
	if path == "" {
		return s, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // whoever runs the command says which
	if errors.Is(err, fs.ErrNotExist) {
		err := s.save()
		return s, err
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s is no state of an import", path)
	}
	if s.Source != source || s.Target != target {
		return nil, fmt.Errorf("%s is of another import, from %s into %s; remove it to begin anew", path, s.Source, s.Target)
	}
	return s, nil
}

// save replaces the file at once, so that it is always whole.
func (s *state) save() error {
	if s.path == "" {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	fresh := filepath.Join(filepath.Dir(s.path), "."+filepath.Base(s.path)+".new")
	if err := writeThrough(fresh, text); err != nil {
		return err
	}
	return os.Rename(fresh, s.path)
}

// writeThrough writes a file to the disk itself, so that it is whole after a crash of the machine, too.
func writeThrough(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // whoever runs the command says which
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
	s.Read += int64(len(batch.Claims) + len(batch.Rejected) + batch.Skipped)
	return s.save()
}

// noteWritten takes the oldest batch, which was written, off what is pending.
func (s *state) noteWritten(_ Batch, counts Counts, reportSize int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Pending = append([]Batch(nil), s.Pending[1:]...)
	s.Counts.Imported += counts.Imported
	s.Counts.Known += counts.Known
	s.Counts.Conflicts += counts.Conflicts
	s.Counts.Rejected += counts.Rejected
	s.Counts.Deleted += counts.Deleted
	s.Counts.Skipped += counts.Skipped
	s.Counts.Superseded += counts.Superseded
	s.Counts.Released += counts.Released
	s.ReportSize = reportSize
	return s.save()
}
