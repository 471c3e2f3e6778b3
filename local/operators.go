package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// operatorsProgram has the commands that reach the operator's AWS account and Stripe. It is a
// separate program because its dependencies take longer to build than the whole development server.
const operatorsProgram = "billingportal/local/operator"

// operatorsCommand returns a command of operatorsProgram, which parses the arguments and prints the
// help.
func operatorsCommand(name, usage string) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, SkipFlagParsing: true, HideHelp: true, Action: runOperators,
	}
}

// isOperatorsHelp reports whether the arguments ask for help before they name a command of
// operatorsProgram: help import, --help import.
func isOperatorsHelp(root *cli.Command, arguments []string) bool {
	if len(arguments) < 2 || !slices.Contains([]string{"help", "h", "--help", "-h"}, arguments[0]) {
		return false
	}
	command := root.Command(arguments[1])
	return command != nil && command.SkipFlagParsing
}

// runOperators builds operatorsProgram, unless it is in Go's cache, and replaces this process with
// it.
func runOperators(ctx context.Context, cmd *cli.Command) error {
	arguments := cmd.Args().Slice()
	if cmd != cmd.Root() {
		arguments = append([]string{cmd.Name}, arguments...)
	}
	command, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("this command is built when it is called, and needs go: %w", err)
	}
	_, file, _, _ := runtime.Caller(0)
	var stdout, stderr bytes.Buffer
	build := exec.CommandContext(ctx, command, "-C", sourceFolder(file), "tool", "-n", operatorsProgram)
	build.Stdout, build.Stderr = &stdout, &stderr
	if err := build.Run(); err != nil {
		return errors.Join(fmt.Errorf("build this command: %w", err), errors.New(strings.TrimSpace(stderr.String())))
	}
	return replaceProcess(ctx, strings.TrimSpace(stdout.String()), append([]string{os.Args[0]}, arguments...))
}

// sourceFolder returns the folder of a source file of this program, or "." if the folder is unknown
// or not on this machine.
func sourceFolder(file string) string {
	folder := filepath.Dir(file)
	if info, err := os.Stat(folder); !filepath.IsAbs(folder) || err != nil || !info.IsDir() {
		return "."
	}
	return folder
}
