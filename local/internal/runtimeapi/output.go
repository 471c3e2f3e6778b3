package runtimeapi

import (
	"io"
	"math"
	"os"
	"sync"
)

// output stores the data that a process writes to a stream. It is a file and not a pipe, so that a
// line can be read as soon as the process has written it, and so that a slow reader does not slow
// the process down.
type output struct {
	file *os.File

	mu   sync.Mutex
	text string // set by finish
	done bool
}

func newOutput() (*output, error) {
	file, err := os.CreateTemp("", "runtimeapi-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // the open file remains usable
	return &output{file: file}, nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return o.text
	}
	text, _ := io.ReadAll(io.NewSectionReader(o.file, 0, math.MaxInt64))
	return string(text)
}

// finish must be called after the process has exited.
func (o *output) finish() {
	text := o.String()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text, o.done = text, true
	_ = o.file.Close()
}
