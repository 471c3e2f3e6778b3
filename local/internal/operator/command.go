// Package operator has the commands for operators. They reach the operator's own AWS account and
// Stripe.
package operator

import (
	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline"
	"billingportal/local/internal/operator/configure"
)

// NewCommand returns the command line of the operators' program, which reads variables with getenv.
// The AWS SDK reads the variables of the process.
func NewCommand(getenv func(string) string) *cli.Command {
	return commandline.Finish(&cli.Command{
		Usage: "The commands of go run ./local for operators",
		Commands: []*cli.Command{configure.Command(getenv), importCommand(getenv), doctorCommand(getenv),
			portalConfigCommand(getenv)},
	}, func(cmd *cli.Command) string { return targetOf(getenv, cmd) })
}
