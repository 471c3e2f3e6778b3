// Command local is the laptop's side of the billing portal: the function with
// everything that it talks to, in one process, and the commands around it.
//
//	go run ./local                        serve on http://127.0.0.1:8080
//	go run ./local token --user alice     print a token while it serves
//	go run ./local configure < token.txt  say which settings accept a token
//	go run ./local import                 bring the customers that exist into the table
//	go run ./local doctor                 say whether a deployment can work
//	go run ./local portal-config apply portal.yaml  keep portal configurations as a file has them
//	go run ./local events                 make the events for sam local again
//	go run ./local invoke -e events/x.json  run a function once, as Lambda does
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/fakestripe"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

func run() error {
	stdout, err := fakestripe.SilenceStripeMock()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return newCommand(stdout).Run(ctx, os.Args)
}

// newCommand returns the command line. Without a command's name it serves.
func newCommand(stdout *os.File) *cli.Command {
	root := serveCommand()
	root.Name = "local"
	root.Usage = "run the billing portal on a laptop"
	root.Description = "Without a command it serves, like serve."
	root.Commands = []*cli.Command{serveCommand(), tokenCommand(), configureCommand(), importCommand(), doctorCommand(), portalConfigCommand(), eventsCommand(), invokeCommand()}
	root.ArgValidator = begin
	root.Suggest = true
	root.HideVersion = true
	root.Writer = stdout
	root.ErrWriter = os.Stderr
	// main reports the error and sets the exit code.
	root.ExitErrHandler = func(context.Context, *cli.Command, error) {}
	return root
}
