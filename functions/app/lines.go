package app

import (
	"io"
	"sync"
)

// lineWriter lets several loggers, which write a line at a time, share a writer.
type lineWriter struct {
	mu   sync.Mutex
	next io.Writer
}

// Write implements io.Writer.
func (w *lineWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next.Write(line)
}
