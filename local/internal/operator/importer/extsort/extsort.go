// Package extsort sorts more lines than fit into memory. It keeps sorted runs on disk and merges
// them.
package extsort

import (
	"bufio"
	"container/heap"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// maxHeld limits the lines in memory, in bytes (approximately).
const maxHeld = 16 << 20

// Sorter collects lines without line ends, and returns them in order.
type Sorter struct {
	dir  string
	runs []string
	held []string
	size int
}

// New returns a sorter that keeps its runs in a new folder in the system's temporary folder.
func New() (*Sorter, error) {
	dir, err := os.MkdirTemp("", "billingportal-sort-")
	if err != nil {
		return nil, err
	}
	return &Sorter{dir: dir}, nil
}

// Add adds a line.
func (s *Sorter) Add(line string) error {
	s.held = append(s.held, line)
	s.size += len(line) + 32 // for the header of the string
	if s.size < maxHeld {
		return nil
	}
	return s.spill()
}

func (s *Sorter) spill() (err error) {
	if len(s.held) == 0 {
		return nil
	}
	slices.Sort(s.held)
	name := filepath.Join(s.dir, strconv.Itoa(len(s.runs)))
	file, err := os.Create(name) //nolint:gosec // a folder of our own
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriter(file)
	for _, line := range s.held {
		if _, err := w.WriteString(line + "\n"); err != nil {
			return err
		}
	}
	s.runs, s.held, s.size = append(s.runs, name), s.held[:0], 0
	return w.Flush()
}

// Sorted returns an iterator over the lines in order. It can be called again. Lines that are added
// during an iteration are in the next one. A read error is the second value, and ends the
// iteration.
func (s *Sorter) Sorted() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := s.spill(); err != nil {
			yield("", err)
			return
		}
		merging := &merge{}
		defer merging.close()
		for _, name := range s.runs {
			file, err := os.Open(name) //nolint:gosec // a folder of our own
			if err != nil {
				yield("", err)
				return
			}
			if err := merging.begin(file); err != nil {
				yield("", err)
				return
			}
		}
		for merging.Len() > 0 {
			line, err := merging.next()
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// Close removes the runs.
func (s *Sorter) Close() error { return os.RemoveAll(s.dir) }

// merge is a heap of runs, ordered by their next lines.
type merge struct{ runs []*run }

type run struct {
	file *os.File
	r    *bufio.Reader
	next string
}

func (m *merge) begin(file *os.File) error {
	r := &run{file: file, r: bufio.NewReader(file)}
	more, err := r.read()
	if err != nil || !more {
		return errors.Join(err, file.Close())
	}
	heap.Push(m, r)
	return nil
}

func (r *run) read() (more bool, err error) {
	line, err := r.r.ReadString('\n')
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.next = line[:len(line)-1]
	return true, nil
}

func (m *merge) next() (string, error) {
	first := m.runs[0]
	line := first.next
	more, err := first.read()
	if err != nil {
		return "", err
	}
	if more {
		heap.Fix(m, 0)
	} else {
		heap.Pop(m)
		err = first.file.Close()
	}
	return line, err
}

func (m *merge) close() {
	for _, r := range m.runs {
		_ = r.file.Close() // it was only read
	}
}

func (m *merge) Len() int           { return len(m.runs) }
func (m *merge) Less(i, j int) bool { return m.runs[i].next < m.runs[j].next }
func (m *merge) Swap(i, j int)      { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }
func (m *merge) Push(x any)         { m.runs = append(m.runs, x.(*run)) } //nolint:errcheck // only heap calls it
func (m *merge) Pop() any {
	last := m.runs[len(m.runs)-1]
	m.runs = m.runs[:len(m.runs)-1]
	return last
}
