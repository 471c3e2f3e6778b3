//go:build !unix

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
)

// replaceProcess runs a program with the input and outputs of this one, and exits with the
// program's status.
func replaceProcess(ctx context.Context, path string, arguments []string) error {
	command := exec.CommandContext(ctx, path, arguments[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	return err
}
