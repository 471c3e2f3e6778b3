// Package commandline has what the commands of `go run ./local` share: running a command line,
// checking its arguments, its help, and the lines that name the target and the next step.
package commandline

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"
)

// Run runs a command line with the arguments of the process until it ends or is interrupted. It
// exits with status 1 if the command fails.
func Run(root *cli.Command) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root.Run(ctx, os.Args)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// stdout is the standard output of the process. os.Stdout is the null device while stripe-mock
// runs; see package fakestripe/api.
var stdout = os.Stdout

// Finish makes a command the root of a command line. target names the target of a command, or
// returns "" if there is nothing to print. The target is printed before the command does anything,
// and on standard error, because standard output is for tokens, events and JSON.
func Finish(root *cli.Command, target func(*cli.Command) string) *cli.Command {
	useTemplates()
	root.Name = "local"
	root.ArgValidator = func(_ context.Context, cmd *cli.Command) error {
		if err := checkArguments(cmd); err != nil {
			return err
		}
		if target := target(cmd); target != "" {
			name, _, _ := strings.Cut(nameOf(cmd), " ")
			fmt.Fprintf(cmd.Root().ErrWriter, "%s: %s\n", name, target)
		}
		return nil
	}
	root.Suggest = true
	root.HideVersion = true
	root.Writer = stdout
	root.ErrWriter = os.Stderr
	// Run reports the error and sets the exit status.
	root.ExitErrHandler = func(context.Context, *cli.Command, error) {}
	return root
}

// nameOf returns the name of a command with its parents, for example "portal-config apply".
func nameOf(cmd *cli.Command) string {
	return strings.TrimPrefix(cmd.FullName(), cmd.Root().Name+" ")
}

// checkArguments refuses arguments and flags that a command would ignore. An argument in the wrong
// place often means another target: the name of a stack without --stack, or an empty variable in a
// script. A command accepts as many arguments as its ArgsUsage names.
func checkArguments(cmd *cli.Command) error {
	root := cmd.Root()
	if taken := len(strings.Fields(cmd.ArgsUsage)); cmd.Args().Len() > taken && !cmd.SkipFlagParsing {
		argument := cmd.Args().Get(taken)
		if cmd == root {
			return fmt.Errorf("there is no command %q; see --help", argument)
		}
		return fmt.Errorf("%s takes no argument %q; see %[1]s --help", nameOf(cmd), argument)
	}
	if before := root.LocalFlagNames(); cmd != root && len(before) > 0 {
		return fmt.Errorf("--%s stands before %s, which would ignore it; the flags of a command follow its name",
			before[0], cmd.Name)
	}
	for _, flag := range cmd.Flags {
		if value, isString := flag.Get().(string); isString && flag.IsSet() && strings.TrimSpace(value) == "" {
			return fmt.Errorf("--%s is empty; leave it out, or give it a value", flag.Names()[0])
		}
	}
	return nil
}

// StandIns names the target of commands that start a development server for themselves.
const StandIns = "the development server's stand-ins"

// IsTerminal reports whether a standard input or output is a terminal.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
