// Command local runs the billing portal on a development machine: the functions, together with
// stand-ins for AWS and Stripe, in one process. It also has commands for developers and for
// operators. The operators' commands are a program of their own, which it builds and starts.
//
//	go run ./local                        start the development server on http://127.0.0.1:8080
//	go run ./local token --user alice     print a token while the server runs
//	go run ./local configure < token.txt  find the settings that accept a token
//	go run ./local import                 write existing customers into the table
//	go run ./local doctor                 check whether a deployment can work
//	go run ./local portal-config apply portal.yaml  apply a file of portal configurations
//	go run ./local events                 write the events for sam local again
//	go run ./local invoke -e events/x.json  run a function once, as Lambda does
package main

import (
	"os"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline"
)

func main() {
	root := newCommand()
	if isOperatorsHelp(root, os.Args[1:]) {
		root = commandline.Finish(&cli.Command{SkipFlagParsing: true, HideHelp: true, Action: runOperators}, targetOf)
	}
	commandline.Run(root)
}

// newCommand returns the command line. Without the name of a command it starts the development
// server.
func newCommand() *cli.Command {
	root := serveCommand()
	root.Usage = "Run the billing portal on your machine; without a COMMAND, start the development server"
	root.UsageText = "go run ./local [options]\n   go run ./local COMMAND [options]"
	root.Commands = []*cli.Command{
		serveCommand(), tokenCommand(),
		operatorsCommand("configure", "Find the settings that accept a token of your identity provider"),
		operatorsCommand("import", "Write your existing customers into the table"),
		operatorsCommand("doctor", "Check whether a deployment can work, and say how to fix it if not"),
		operatorsCommand("portal-config", "Keep Stripe's portal configurations in a file"),
		eventsCommand(), invokeCommand(),
	}
	return commandline.Finish(root, targetOf)
}

// targetOf names the target of a command. The command serve prints its target itself.
func targetOf(cmd *cli.Command) string {
	switch cmd.Name {
	case "token":
		return "for the development server at " + cmd.String("url")
	case "events":
		return "for " + commandline.StandIns
	case "invoke":
		return "with " + commandline.StandIns + " and the variables of " + cmd.String("env-vars")
	}
	return ""
}
