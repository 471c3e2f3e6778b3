// Package operator has the commands for operators: they reach the operator's own AWS account and Stripe.
package operator

import (
	"os"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline"
	"billingportal/local/internal/operator/configure"
)

// NewCommand returns the command line of the operator's program.
func NewCommand() *cli.Command {
	return commandline.Finish(&cli.Command{
		Usage:    "the operator's commands",
		Commands: []*cli.Command{configure.Command(), importCommand(), doctorCommand(), portalConfigCommand()},
	}, targetOf)
}

func targetOf(cmd *cli.Command) string {
	switch cmd.Name {
	case "import":
		if cmd.IsSet("propose") {
			return "the customers of the environment's Stripe key; no table"
		}
		return "the table of the environment, CUSTOMERS_TABLE=" + os.Getenv("CUSTOMERS_TABLE")
	case "configure":
		return "a token from standard input, and the JWT_… variables of the environment"
	case "apply":
		return "the portal configurations of the environment's Stripe key"
	case "doctor":
		switch stack := cmd.String("stack"); {
		case stack != "":
			return "the stack " + stack
		case len(ownVariables()) > 0:
			return "the environment"
		}
		return commandline.StandIns + ", because no variable of a function is set"
	}
	return ""
}
