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
// stripe-mock v0.203.0 prints every request with its parameters using fmt.Printf and has no option
// for another writer. Therefore silently sets os.Stdout to the null device while stripe-mock runs,
// which takes less than a millisecond. A program that serves this fake must keep the original
// os.Stdout from its start and write to it.
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
