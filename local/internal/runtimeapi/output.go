package runtimeapi

import (
	"io"
	"math"
	"os"
	"sync"
)

// output keeps what a process writes to one stream. It is a file, not a pipe, so that a line is
// there to be read as soon as the process has written it, and costs the process what it costs
// there, not what a reader's pace makes of it.
type output struct {
	file *os.File

	mu   sync.Mutex
	text string // after finish
	done bool
}

func newOutput() (*output, error) {
	file, err := os.CreateTemp("", "runtimeapi-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // it lives as long as it is open
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

// finish is for when the process has exited.
func (o *output) finish() {
	text := o.String()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text, o.done = text, true
	_ = o.file.Close()
}
