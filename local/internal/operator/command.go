// Package operator has the commands for operators: they reach the operator's own AWS account and
// Stripe.
package operator

import (
	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline"
	"billingportal/local/internal/operator/configure"
)

// NewCommand returns the command line of the operator's program, which reads variables with getenv.
// The AWS SDK reads those of the process.
func NewCommand(getenv func(string) string) *cli.Command {
	return commandline.Finish(&cli.Command{
		Usage: "the operator's commands",
		Commands: []*cli.Command{configure.Command(getenv), importCommand(getenv), doctorCommand(getenv),
			portalConfigCommand(getenv)},
	}, func(cmd *cli.Command) string { return targetOf(getenv, cmd) })
}

func targetOf(getenv func(string) string, cmd *cli.Command) string {
	switch cmd.Name {
	case "import":
		if cmd.IsSet("propose") {
			return "the customers of the environment's Stripe key; no table"
		}
		return "the table of the environment, CUSTOMERS_TABLE=" + getenv("CUSTOMERS_TABLE")
	case "configure":
		return "a token from standard input, and the JWT_… variables of the environment"
	case "apply":
		return "the portal configurations of the environment's Stripe key"
	case "doctor":
		switch stack := cmd.String("stack"); {
		case stack != "":
			return "the stack " + stack
		case len(ownVariables(getenv)) > 0:
			return "the environment"
		}
		return commandline.StandIns + ", because no variable of a function is set"
	}
	return ""
}
