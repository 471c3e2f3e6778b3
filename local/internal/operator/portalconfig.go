package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"billingportal/functions/app/operator"
	"billingportal/local/internal/commandline"
	"billingportal/local/internal/operator/portalconfig"
)

// defaultParameters is the file that `make deploy` reads without ENV.
const defaultParameters = ".deploy/default.toml"

func portalConfigCommand(getenv func(string) string) *cli.Command {
	return &cli.Command{
		Name:      "portal-config",
		Usage:     "Keep Stripe's portal configurations in a file",
		UsageText: "go run ./local portal-config apply [options] FILE",
		Description: "EXAMPLES:\n" +
			"   go run ./local portal-config apply portal.yaml --dry-run\n" +
			"   go run ./local portal-config apply --help                 the format of the file, and the options",
		Commands: []*cli.Command{{
			Name:      "apply",
			Usage:     "Create and update the portal configurations of a file at Stripe",
			ArgsUsage: "FILE",
			Description: "EXAMPLES:\n" +
				"   export STRIPE_SECRET_ID=…\n" +
				"   go run ./local portal-config apply portal.yaml --dry-run  show the differences\n" +
				"   go run ./local portal-config apply portal.yaml --write .deploy/prod.toml --default team\n\n" +
				"FILE is YAML or JSON. It has configurations in Stripe's own parameters, each under a name of your " +
				"choice:\n\n" +
				"   team:\n     features:\n       invoice_history: {enabled: true}\n       subscription_cancel: " +
				"{enabled: true, mode: at_period_end}\n\n" +
				"It shows the differences, then creates or updates the configurations in the mode of the key. The " +
				"key is " +
				"STRIPE_SECRET_KEY,\nor the secret that STRIPE_SECRET_ID names; it needs Customer portal: Write. " +
				"Stripe keeps your name in the metadata of the\nconfiguration, as " +
				portalconfig.MetadataKey + ". A parameter " +
				"that is not in FILE keeps its value at Stripe, and is shown. \"\" unsets\na parameter. After an " +
				"interruption, run the same command again: it does the rest.",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "dry-run", Usage: "show the differences, and change nothing"},
				&cli.StringFlag{Name: "write", Value: defaultParameters,
					Usage: "write the IDs to `FILE` as the template's parameters: callers may choose every " +
						"configuration"},
				&cli.BoolFlag{Name: "no-write", Usage: "print the parameters instead of writing a file"},
				&cli.StringFlag{Name: "default",
					Usage: "use the configuration with this `NAME` for callers that choose none"},
			},
			Action: func(ctx context.Context, cmd *cli.Command) error {
				return applyPortalConfig(ctx, getenv, cmd)
			},
		}},
	}
}

// errInterrupted replaces the errors that an interruption causes.
var errInterrupted = errors.New("interrupted: run the same command again; it does the rest, and nothing twice")

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
			return errors.New("--write and --no-write exclude each other: use one of them")
		}
		write = ""
	}
	switch {
	case path == "":
		return errors.New("name the file: go run ./local portal-config apply FILE")
	case name != "" && write == "":
		return errors.New("--default is written to a file, so it excludes --no-write: use one of them")
	case isSameFile(path, write):
		return errors.New("FILE and --write are the same file: name two files")
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
	plan, err := portalconfig.NewPlan(ctx, file, portalconfig.RetryWhenBusy(account, operator.Pause))
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
		commandline.Next(cmd, "with the same variables, apply the file:\n  %s",
			commandline.Again(cmd, []string{"dry-run"}))
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
		return errors.New("the values at Stripe differ from the file: write Stripe's values into the file, or look " +
			"them up in Stripe's documentation")
	}
	commandline.Next(cmd, "%s", nextDeployment(write))
	return nil
}

// nextDeployment returns the step that puts written parameters into use. path is "" if no file was
// written.
func nextDeployment(path string) string {
	env, isTOML := strings.CutSuffix(filepath.Base(path), ".toml")
	if path == "" || !isTOML || filepath.Base(filepath.Dir(path)) != ".deploy" {
		return "copy the parameters into .deploy/prod.toml, then run\n  make deploy ENV=prod"
	}
	return "make deploy ENV=" + commandline.Quote(env)
}

// printParameters writes the IDs to the operator's file, or prints the lines for it.
func printParameters(out io.Writer, parameters *portalconfig.Parameters, path string,
	applied []portalconfig.Applied, name string) error {
	heading := "written to " + path
	if parameters == nil {
		parameters = portalconfig.NewParameters()
		heading = "the lines for .deploy/ENV.toml, which --no-write does not write"
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
