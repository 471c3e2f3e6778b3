package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v3"
)

// begin is called for every command before it does anything.
func begin(_ context.Context, cmd *cli.Command) error {
	if err := checkArguments(cmd); err != nil {
		return err
	}
	if target := targetOf(cmd); target != "" {
		name, _, _ := strings.Cut(nameOf(cmd), " ")
		fmt.Fprintf(cmd.Root().ErrWriter, "%s: %s\n", name, target)
	}
	return nil
}

// nameOf returns a command's name with its parents: portal-config apply.
func nameOf(cmd *cli.Command) string {
	return strings.TrimPrefix(cmd.FullName(), cmd.Root().Name+" ")
}

// checkArguments refuses arguments and flags that a command would ignore. An argument in the wrong place often means another target: the
// name of a stack without --stack, or an empty variable of a script. A command takes as many arguments as its ArgsUsage names.
func checkArguments(cmd *cli.Command) error {
	root := cmd.Root()
	if taken := len(strings.Fields(cmd.ArgsUsage)); cmd.Args().Len() > taken {
		argument := cmd.Args().Get(taken)
		if cmd == root {
			return fmt.Errorf("there is no command %q; see --help", argument)
		}
		return fmt.Errorf("%s takes no argument %q; see %[1]s --help", nameOf(cmd), argument)
	}
	if before := root.LocalFlagNames(); cmd != root && len(before) > 0 {
		return fmt.Errorf("--%s stands before %s, which would ignore it; the flags of a command follow its name", before[0], cmd.Name)
	}
	for _, flag := range cmd.Flags {
		if value, isString := flag.Get().(string); isString && flag.IsSet() && strings.TrimSpace(value) == "" {
			return fmt.Errorf("--%s is empty; leave it out, or give it a value", flag.Names()[0])
		}
	}
	return nil
}

const standIns = "the development server's stand-ins"

// targetOf names the target of a command. begin prints it on standard error, because standard output is for tokens, events and JSON. The
// command serve prints its own.
func targetOf(cmd *cli.Command) string {
	switch cmd.Name {
	case "token":
		return "for the development server at " + cmd.String("url")
	case "events":
		return "for " + standIns
	case "invoke":
		return "with " + standIns + " and the variables of " + cmd.String("env-vars")
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
		return standIns + ", because no variable of a function is set"
	}
	return ""
}
