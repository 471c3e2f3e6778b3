// Package commandline has what the commands of `go run ./local` have in common: the program around
// them and the checks of arguments.
package commandline

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"
)

// Run runs a command line with the arguments of the process until it is done or interrupted, and
// exits with 1 if it fails.
func Run(root *cli.Command) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root.Run(ctx, os.Args)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// stdout is the file of the process. The variable of package os is the null device while stripe-mock
// runs, see package fakestripe/api.
var stdout = os.Stdout

// Finish makes a command the root of a command line. target names the target of a command, which is
// printed on standard error before it does anything, because standard output is for tokens, events
// and JSON; "" prints nothing.
func Finish(root *cli.Command, target func(*cli.Command) string) *cli.Command {
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

// nameOf returns a command's name with its parents: portal-config apply.
func nameOf(cmd *cli.Command) string {
	return strings.TrimPrefix(cmd.FullName(), cmd.Root().Name+" ")
}

// checkArguments refuses arguments and flags that a command would ignore. An argument in the wrong
// place often means another target: the name of a stack without --stack, or an empty variable of a
// script. A command takes as many arguments as its ArgsUsage names.
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

// StandIns names the target of commands that talk to a development server of their own.
const StandIns = "the development server's stand-ins"

// IsTerminal reports whether a person reads the output as it is written.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
