// Command operator has the commands of `go run ./local` for operators. They reach the operator's
// own AWS account and Stripe, and need SDKs that the development server does not need. So `go run
// ./local` builds this program only when one of these commands is called.
package main

import (
	"os"

	"billingportal/local/internal/commandline"
	"billingportal/local/internal/operator"
)

func main() { commandline.Run(operator.NewCommand(os.Getenv)) }
