// Command operator has the commands of `go run ./local` for operators. They reach the operator's
// own AWS account and Stripe, with SDKs that the development server does without, so `go run
// ./local` builds this program when one of them is called.
package main

import (
	"os"

	"billingportal/local/internal/commandline"
	"billingportal/local/internal/operator"
)

func main() { commandline.Run(operator.NewCommand(os.Getenv)) }
