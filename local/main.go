// Command local serves the billing portal on a laptop: the functions with everything that they talk to, in one process. It also has
// commands around that, and starts the commands of operators, which are a program of their own.
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

// newCommand returns the command line. Without a command's name it serves.
func newCommand() *cli.Command {
	root := serveCommand()
	root.Usage = "run the billing portal on a laptop"
	root.Description = "Without a command it serves, like serve."
	root.Commands = []*cli.Command{
		serveCommand(), tokenCommand(),
		operatorsCommand("configure", "say which settings accept a token"),
		operatorsCommand("import", "bring the customers that you have into the table"),
		operatorsCommand("doctor", "say whether a deployment can work, and if not, what to do"),
		operatorsCommand("portal-config", "keep portal configurations at Stripe as a file has them"),
		eventsCommand(), invokeCommand(),
	}
	return commandline.Finish(root, targetOf)
}

// targetOf names the target of a command. The command serve prints its own.
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
