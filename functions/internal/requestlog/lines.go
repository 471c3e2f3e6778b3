package requestlog

import (
	"io"
	"sync"
)

// Lines returns a writer that several loggers can share. Each call of Write must write a whole
// line.
func Lines(w io.Writer) io.Writer { return &lines{next: w} }

type lines struct {
	mu   sync.Mutex
	next io.Writer
}

// Write implements io.Writer.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next.Write(line)
}
