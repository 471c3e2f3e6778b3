package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"billingportal/local/internal/operator/portalconfig"
)

// defaultParameters is the file of `make deploy` without ENV.
const defaultParameters = ".deploy/default.toml"

func portalConfigCommand(getenv func(string) string) *cli.Command {
	return &cli.Command{
		Name:  "portal-config",
		Usage: "keep portal configurations at Stripe as a file has them",
		Commands: []*cli.Command{{
			Name:      "apply",
			Usage:     "create and update the configurations of a file",
			ArgsUsage: "FILE",
			Description: "FILE is YAML or JSON: configurations in Stripe's own parameters, each under a name of your " +
				"choice:\n\n" +
				"  team:\n    features:\n      invoice_history: {enabled: true}\n      subscription_cancel: " +
				"{enabled: true, mode: at_period_end}\n\n" +
				"  STRIPE_SECRET_ID=… go run ./local portal-config apply portal.yaml --dry-run\n" +
				"  STRIPE_SECRET_ID=… go run ./local portal-config apply portal.yaml --write .deploy/prod.toml " +
				"--default team\n\n" +
				"It shows what differs, and creates or updates it in the mode of the key, which is STRIPE_SECRET_KEY " +
				"or the secret that\n" +
				"STRIPE_SECRET_ID names and needs Customer portal: Write. Stripe keeps the name in the " +
				"configuration's metadata, as\n" +
				portalconfig.MetadataKey + ". What FILE does not have stays as it is at Stripe, and is shown. \"\" " +
				"unsets a parameter. After an\n" +
				"interruption, the same command does the rest.",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "dry-run", Usage: "show what differs, and change nothing"},
				&cli.StringFlag{Name: "write", Value: defaultParameters,
					Usage: "write the IDs to `FILE`, as the template's parameters: every configuration may be chosen " +
						"by callers"},
				&cli.BoolFlag{Name: "no-write", Usage: "print the parameters, and write no file"},
				&cli.StringFlag{Name: "default", Usage: "the `NAME` of the configuration for callers who choose none"},
			},
			Action: func(ctx context.Context, cmd *cli.Command) error {
				return applyPortalConfig(ctx, getenv, cmd)
			},
		}},
	}
}

// errInterrupted is told instead of what the run met because of it.
var errInterrupted = errors.New("interrupted: the same command does the rest, and nothing twice")

func applyPortalConfig(ctx context.Context, getenv func(string) string, cmd *cli.Command) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := applyFile(ctx, getenv, cancel, cmd)
	var login *awsFault
	switch {
	case errors.As(context.Cause(ctx), &login):
		return login
	case err != nil && ctx.Err() != nil:
		return errInterrupted
	}
	return err
}

func applyFile(ctx context.Context, getenv func(string) string, end context.CancelCauseFunc, cmd *cli.Command) error {
	path, write, name, out := cmd.Args().First(), cmd.String("write"), cmd.String("default"), cmd.Root().Writer
	if cmd.Bool("no-write") {
		if cmd.IsSet("write") {
			return errors.New("--write and --no-write exclude each other")
		}
		write = ""
	}
	switch {
	case path == "":
		return errors.New("name the file: portal-config apply FILE")
	case name != "" && write == "":
		return errors.New("--default is a line of the file, so --no-write excludes it")
	case isSameFile(path, write):
		return errors.New("FILE and --write are the same file")
	}
	file, err := portalconfig.Read(path)
	if err != nil {
		return err
	}
	version, err := portalconfig.APIVersion()
	if err != nil {
		return err
	}
	account, err := stripeAccount(ctx, getenv, end, "write the customer portal", version)
	if err != nil {
		return err
	}
	plan, err := portalconfig.NewPlan(ctx, file, portalconfig.Patient(account, pause))
	if err != nil {
		return err
	}
	if name != "" {
		if err := plan.CanBeDefault(name); err != nil {
			return fmt.Errorf("--default: %w", err)
		}
	}
	var parameters *portalconfig.Parameters
	if write != "" {
		if parameters, err = portalconfig.ReadParameters(write, account.Livemode()); err == nil {
			err = plan.Fits(parameters)
		}
		if err != nil {
			return err
		}
	}
	if err := plan.Print(out); err != nil {
		return err
	}
	if cmd.Bool("dry-run") {
		_, err := fmt.Fprintf(out, "--dry-run: %d of %d configurations would be created or updated\n", plan.Changes(),
			len(file.Configurations))
		return err
	}
	applied, err := plan.Apply(ctx, out)
	if err != nil {
		return err
	}
	if err := printParameters(out, parameters, write, applied, name); err != nil {
		return err
	}
	if slices.ContainsFunc(applied, func(a portalconfig.Applied) bool { return len(a.Differs) > 0 }) {
		return errors.New("the values at Stripe differ from the file: write those into the file, or look them up in " +
			"the documentation of Stripe")
	}
	return nil
}

// printParameters writes the IDs to the operator's file, or prints the lines for it.
func printParameters(out io.Writer, parameters *portalconfig.Parameters, path string,
	applied []portalconfig.Applied, name string) error {
	heading := "written to " + path
	if parameters == nil {
		parameters = portalconfig.NewParameters()
		heading = "the lines for .deploy/ENV.toml, not written because of --no-write"
	}
	if err := parameters.Update(applied, name); err != nil {
		return err
	}
	if path != "" {
		if err := parameters.Write(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%s:\n%s\n", heading, parameters)
	return err
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
