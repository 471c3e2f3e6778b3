//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
)

// replaceProcess runs a program instead of this one. The program gets its input, outputs and
// signals.
func replaceProcess(_ context.Context, path string, arguments []string) error {
	return fmt.Errorf("start %s: %w", path, syscall.Exec(path, arguments, os.Environ())) //nolint:gosec // go built it
}
