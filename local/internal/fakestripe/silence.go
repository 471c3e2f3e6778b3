package fakestripe

import (
	"fmt"
	"os"
)

// SilenceStripeMock keeps stripe-mock's prints off the terminal and returns the process's real standard output.
//
// stripe-mock v0.203.0 reports every request, with its parameters, by fmt.Printf, and offers no other writer. The only
// handle on that is the variable os.Stdout, which belongs to the whole process; so this function points it at
// [os.DevNull], and whoever has something to say on standard output writes to the file returned here instead.
//
// Call it once, at the start of the process, before any goroutine is started: what is written before a go statement
// is seen by the goroutine without further synchronisation (https://go.dev/ref/mem#go), so nothing races as long as
// the variable is never written again. This is the only place that writes it.
//
// Tests must not call it: package testing reports on os.Stdout too.
//
// The error is that of opening os.DevNull; os.Stdout is then unchanged.
func SilenceStripeMock() (stdout *os.File, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("silence stripe-mock: %w", err)
	}
	stdout, os.Stdout = os.Stdout, null
	return stdout, nil
}
