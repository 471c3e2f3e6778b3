package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/runtimeapi"
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "Start the development server: the functions, stand-ins for AWS and Stripe, and the demo page",
		Description: "EXAMPLES:\n" +
			"   go run ./local                              open http://127.0.0.1:8080 and click a button\n" +
			"   STRIPE_SECRET_KEY=sk_test_… go run ./local  use Stripe's test mode instead of the stand-in\n" +
			"   JWT_ISSUER=… JWT_AUDIENCE=… ALLOWED_ORIGINS=http://localhost:3000 \\\n" +
			"     DEFAULT_RETURN_URL=http://localhost:3000/ go run ./local --everyone alice\n" +
			"                                               accept the tokens of your own provider\n\n" +
			"It needs only Go: no Docker, no AWS account and no Stripe account. Stop it with Ctrl-C.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Local: true, Value: devserver.DefaultListen,
				Usage: "serve on this loopback `ADDRESS`"},
			&cli.StringFlag{Name: "container-listen", Local: true,
				Usage: "also serve the stand-ins of AWS and Stripe on this `ADDRESS`, for a function in a container " +
					"(sam local); on Linux it is the address of host.docker.internal, for example 172.17.0.1:8080"},
			&cli.StringFlag{Name: "everyone", Local: true,
				Usage: "give each user of your own provider the customer of " +
					"this demo `USER`, or the customer with this ID (cus_123)"},
			&cli.BoolFlag{Name: "json", Local: true, Usage: "print the log lines of the functions, also on a terminal"},
			&cli.StringMapFlag{Name: "customer", Local: true,
				Usage: "map a demo user to a customer in Stripe's test mode, for example `alice=cus_123`"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			logs := cmd.Root().ErrWriter
			if commandline.IsTerminal(logs) && !cmd.Bool("json") {
				logs = devserver.NewRequestLines(logs)
			}
			err := devserver.Serve(ctx, devserver.Options{
				Listen:          cmd.String("listen"),
				ContainerListen: cmd.String("container-listen"),
				Customers:       cmd.StringMap("customer"),
				Everyone:        cmd.String("everyone"),
				StripeKey:       os.Getenv("STRIPE_SECRET_KEY"),
				Stdout:          cmd.Root().Writer,
				Logs:            logs,
			})
			return nameFreePort(cmd, err)
		},
	}
}

// tokenCommand asks the running development server for a token: its issuer has the key.
func tokenCommand() *cli.Command {
	return &cli.Command{
		Name:  "token",
		Usage: "Print a token of a demo user of the running development server",
		Description: "EXAMPLES:\n" +
			"   go run ./local token --user bob\n" +
			"   curl -i -X POST -H \"Authorization: Bearer $(go run ./local token --user alice)\" \\\n" +
			"     " + devserver.DefaultURL + "/billing/portal\n\n" +
			"Standard output has only the token.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "user", Value: "alice", Usage: "the demo user: alice, bob, carol, dave or erin"},
			&cli.StringFlag{Name: "claims",
				Usage: `merge this JSON object into the claims, for example {"scope":"x"}; null removes a claim`},
			&cli.DurationFlag{Name: "ttl", Value: time.Hour, Usage: "how long the token is valid"},
			&cli.StringFlag{Name: "url", Value: devserver.DefaultURL, Usage: "the address of the development server"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			token, err := devserver.FetchToken(ctx, cmd.String("url"), url.Values{
				"user":   {cmd.String("user")},
				"claims": {cmd.String("claims")},
				"ttl":    {cmd.Duration("ttl").String()},
			})
			var unreached *url.Error
			if errors.As(err, &unreached) {
				return fmt.Errorf("no development server answers at %s: start it in another terminal with go run "+
					"./local, or set --url to the address that it prints", cmd.String("url"))
			}
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintln(cmd.Root().Writer, token); err != nil {
				return err
			}
			nextOnTerminal(cmd, "curl -i -X POST -H \"Authorization: Bearer $(%s)\" %s/billing/portal",
				commandline.Again(cmd, nil), cmd.String("url"))
			return nil
		},
	}
}

func eventsCommand() *cli.Command {
	return &cli.Command{
		Name:      "events",
		Usage:     "Write the events for sam local again, or print one Stripe event with a fresh signature",
		ArgsUsage: "[EVENT]",
		Description: "EXAMPLES:\n" +
			"   go run ./local events\n" +
			"   go run ./local events customer.created | go run ./local invoke -e -\n" +
			"   go run ./local events customer.created | sam local invoke WebhookFunction -e - --env-vars " +
			devserver.EnvironmentFile + "\n\n" +
			"Without EVENT it writes the events to " + devserver.EventsFolder + "/ and their environment to " +
			devserver.EnvironmentFile + ". The tokens in the events are signed\n" +
			"with a key that is thrown away, and the environment has its public half. So each run changes all of " +
			"these files,\nand they work only together.\n\n" +
			"With the name of an event in " + devserver.StripeEventsFolder +
			"/, it prints Stripe's request with this " +
			"event, signed now:\na signature is valid for five minutes.",
		Flags: []cli.Flag{&cli.StringFlag{Name: "dir", Value: devserver.EventsFolder,
			Usage: "the `FOLDER` of the events; in any folder but " + devserver.EventsFolder +
				", their environment is written to env.json next to them"}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			dir := cmd.String("dir")
			if name := cmd.Args().First(); name != "" {
				err := devserver.PrintWebhookEvent(ctx, cmd.Root().Writer, dir, name)
				if err == nil {
					nextOnTerminal(cmd, "%s | go run ./local invoke -e -", commandline.Again(cmd, nil))
				}
				return err
			}
			if err := devserver.WriteEvents(ctx, dir); err != nil {
				return err
			}
			environment := ""
			if dir != devserver.EventsFolder {
				environment = " --env-vars " + commandline.Quote(dir+"/env.json")
			}
			nextOnTerminal(cmd, "go run ./local invoke -e %s%s", commandline.Quote(dir+"/portal.json"), environment)
			return nil
		},
	}
}

func invokeCommand() *cli.Command {
	return &cli.Command{
		Name:  "invoke",
		Usage: "Run a function once with an event, as Lambda does, without Docker",
		Description: "EXAMPLES:\n" +
			"   go run ./local invoke -e events/portal.json\n" +
			"   go run ./local events customer.created | go run ./local invoke -e -\n\n" +
			"It builds the function for this machine, starts its real bootstrap under a Runtime API with stand-ins " +
			"for AWS and Stripe,\n" +
			"and prints the answer. The function's log and Lambda's report go to standard error. The development " +
			"server does not have\nto run. The report's memory is the peak resident memory of the process (Linux " +
			"only). The exit status is 1 if the function\nfails.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "event", Aliases: []string{"e"}, Required: true,
				Usage: "read the event from `FILE`; - is standard input"},
			&cli.StringFlag{Name: "env-vars", Value: devserver.EnvironmentFile,
				Usage: "read the functions' variables from `FILE`, in the format of sam local"},
			&cli.StringFlag{Name: "function",
				Usage: "the `NAME` of the function in template.yaml; by default the one that the event is for"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			event, err := readFileOr(cmd.String("event"), cmd.Root().Reader)
			if err != nil {
				return err
			}
			variables, err := os.ReadFile(cmd.String("env-vars"))
			if err != nil {
				return err
			}
			i := devserver.Invocation{Compile: runtimeapi.Compile, Stdout: cmd.Root().Writer,
				Stderr: cmd.Root().ErrWriter}
			if err := i.Run(ctx, cmd.String("function"), event, variables); err != nil {
				return err
			}
			nextOnTerminal(cmd, "go run ./local serves the same functions with a page to try them")
			return nil
		},
	}
}

// nextOnTerminal prints the next step if a person reads standard output. In a pipe or in $(…), the
// output is already part of a next step.
func nextOnTerminal(cmd *cli.Command, format string, values ...any) {
	if commandline.IsTerminal(cmd.Root().Writer) {
		commandline.Next(cmd, format, values...)
	}
}

// readFileOr reads a file, or standard input if the name is "-".
func readFileOr(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name) //nolint:gosec // the developer names the file
}
