package main

import (
	"context"
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
		Usage: "serve the function, its stand-in cloud and the demo page",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Local: true, Value: devserver.DefaultListen,
				Usage: "`ADDRESS` to serve on, a loopback address"},
			&cli.StringFlag{Name: "container-listen", Local: true,
				Usage: "also serve the stand-ins of AWS and Stripe on this `ADDRESS`, for a function in a container " +
					"(sam local): on Linux the one that host.docker.internal leads to, such as 172.17.0.1:8080"},
			&cli.StringFlag{Name: "everyone", Local: true, Usage: "give every `USER` of your own provider the " +
				"customer of this demo user, or a customer such as cus_123"},
			&cli.BoolFlag{Name: "json", Local: true, Usage: "log the functions' own lines, also on a terminal"},
			&cli.StringMapFlag{Name: "customer", Local: true,
				Usage: "map a demo user to a customer, such as `alice=cus_123`; for Stripe's test mode"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			logs := cmd.Root().ErrWriter
			if commandline.IsTerminal(logs) && !cmd.Bool("json") {
				logs = devserver.NewRequestLines(logs)
			}
			return devserver.Serve(ctx, devserver.Options{
				Listen:          cmd.String("listen"),
				ContainerListen: cmd.String("container-listen"),
				Customers:       cmd.StringMap("customer"),
				Everyone:        cmd.String("everyone"),
				StripeKey:       os.Getenv("STRIPE_SECRET_KEY"),
				Stdout:          cmd.Root().Writer,
				Logs:            logs,
			})
		},
	}
}

// tokenCommand asks the serving process for a token: its issuer has the key.
func tokenCommand() *cli.Command {
	return &cli.Command{
		Name:  "token",
		Usage: "print a token of a demo user, while local serves",
		Description: "The token and nothing else goes to standard output:\n" +
			`curl -i -X POST -H "Authorization: Bearer $(go run ./local token --user alice)" ` +
			devserver.DefaultURL + "/billing/portal",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "user", Value: "alice", Usage: "alice, bob, carol, dave or erin"},
			&cli.StringFlag{Name: "claims",
				Usage: `JSON object merged over the token's claims, such as {"scope":"x"}; null removes one`},
			&cli.DurationFlag{Name: "ttl", Value: time.Hour, Usage: "how long the token is valid"},
			&cli.StringFlag{Name: "url", Value: devserver.DefaultURL, Usage: "where local serves"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			token, err := devserver.FetchToken(ctx, cmd.String("url"), url.Values{
				"user":   {cmd.String("user")},
				"claims": {cmd.String("claims")},
				"ttl":    {cmd.Duration("ttl").String()},
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.Root().Writer, token)
			return err
		},
	}
}

func eventsCommand() *cli.Command {
	return &cli.Command{
		Name:      "events",
		Usage:     "make the events for sam local again, and the environment that goes with them",
		ArgsUsage: "[EVENT]",
		Description: "The events are in " + devserver.EventsFolder + "/, the environment in " +
			devserver.EnvironmentFile + ".\n" +
			"Their tokens are signed with a key that is thrown away, and the environment has its public half. So " +
			"every run changes all of\n" +
			"these files, and they only work together.\n\n" +
			"With the name of one of Stripe's events in " + devserver.StripeEventsFolder +
			"/, prints a request of Stripe's with it that is\n" +
			"signed now, since a signature holds for five minutes:\n\n" +
			"  go run ./local events customer.created | sam local invoke WebhookFunction -e - --env-vars " +
			devserver.EnvironmentFile,
		Flags: []cli.Flag{&cli.StringFlag{Name: "dir", Value: devserver.EventsFolder,
			Usage: "`FOLDER` of the events; with another than " + devserver.EventsFolder +
				", the environment is written to env.json there"}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			dir := cmd.String("dir")
			if name := cmd.Args().First(); name != "" {
				return devserver.PrintWebhookEvent(ctx, cmd.Root().Writer, dir, name)
			}
			return devserver.WriteEvents(ctx, dir)
		},
	}
}

func invokeCommand() *cli.Command {
	return &cli.Command{
		Name:  "invoke",
		Usage: "run a function's real bootstrap once with an event, as Lambda does, without Docker",
		Description: "Builds the function for this machine, starts it under a Runtime API with the laptop's own " +
			"cloud, and prints what it answers.\n" +
			"Its log and Lambda's report go to standard error. Nothing needs to be serving.\n\n" +
			"  go run ./local invoke -e events/portal.json\n" +
			"  go run ./local events customer.created | go run ./local invoke -e -\n\n" +
			"The memory is what the process had resident at most; Linux alone tells. The exit status is 1 where the " +
			"function fails.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "event", Aliases: []string{"e"}, Required: true,
				Usage: "`FILE` with the event; - is standard input"},
			&cli.StringFlag{Name: "env-vars", Value: devserver.EnvironmentFile,
				Usage: "`FILE` with the functions' variables, as sam local takes it"},
			&cli.StringFlag{Name: "function",
				Usage: "`NAME` of the function in template.yaml; left out, the one that the event is for"},
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
			return i.Run(ctx, cmd.String("function"), event, variables)
		},
	}
}

// readFileOr reads a file, or standard input where its name is "-".
func readFileOr(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name) //nolint:gosec // whoever types the command says which
}
