package api

import (
	"os"
	"sync"
)

var (
	silence sync.Mutex // held while os.Stdout is the null device
	null    = sync.OnceValues(func() (*os.File, error) { return os.OpenFile(os.DevNull, os.O_WRONLY, 0) })
)

// silently runs stripe-mock without its output.
//
// stripe-mock v0.203.0 reports every request, with its parameters, by fmt.Printf, and offers no
// other writer. So the variable os.Stdout is the null device for as long as it runs, which is less
// than a millisecond. A program that serves a stand-in keeps the file that os.Stdout was at its
// start, and writes there.
func silently(run func()) error {
	file, err := null()
	if err != nil {
		return err
	}
	silence.Lock()
	defer silence.Unlock()
	stdout := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = stdout }()
	run()
	return nil
}
