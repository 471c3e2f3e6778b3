package operator

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
	"github.com/urfave/cli/v3"

	"billingportal/local/internal/commandline"
	"billingportal/local/internal/loopback"
	"billingportal/local/internal/operator/configure"
)

// targetOf names the target of a command in one line, without a request: the stack or the
// environment, the table with its Region, and the Stripe mode.
func targetOf(getenv func(string) string, cmd *cli.Command) string {
	switch cmd.Name {
	case "import":
		return importTarget(getenv, cmd)
	case "configure":
		return configure.Target(getenv)
	case "apply":
		return "the portal configurations of the environment's Stripe key: " + stripeTarget(getenv)
	case "doctor":
		switch stack := cmd.String("stack"); {
		case stack != "":
			return "the stack " + stack + inRegion(cmd.String("region"))
		case len(ownVariables(getenv)) > 0:
			return "the environment: " + deploymentTarget(getenv, cmd.String("region"))
		}
		return commandline.StandIns + ", because no variable of a function is set"
	}
	return ""
}

func importTarget(getenv func(string) string, cmd *cli.Command) string {
	file := "the file " + cmp.Or(cmd.String("out"), "of --out")
	switch {
	case cmd.IsSet("propose"):
		return "the customers of the environment's Stripe key: " + stripeTarget(getenv) + "; no table"
	case cmd.IsSet("format") && cmd.IsSet("csv"):
		return file + "; no table and no Stripe account of the environment"
	case cmd.IsSet("format"):
		return file + ", from the environment's Stripe key: " + stripeTarget(getenv) + "; no table"
	}
	endpoint := cmp.Or(cmd.String("endpoint-url"), getenv("AWS_ENDPOINT_URL_DYNAMODB"), getenv("AWS_ENDPOINT_URL"))
	target := "the table of the environment: " + tableTarget(getenv, endpoint, "")
	if cmd.IsSet("csv") {
		return target
	}
	return target + "; " + stripeTarget(getenv)
}

// deploymentTarget names the table, the Stripe mode and the account in the variables of a function.
func deploymentTarget(getenv func(string) string, region string) string {
	endpoint := cmp.Or(getenv("AWS_ENDPOINT_URL_DYNAMODB"), getenv("AWS_ENDPOINT_URL"))
	target := tableTarget(getenv, endpoint, region) + "; " + stripeTarget(getenv)
	if account := getenv("STRIPE_ACCOUNT"); account != "" {
		target += ", account " + account
	}
	return target
}

func tableTarget(getenv func(string) string, endpoint, region string) string {
	table := getenv("CUSTOMERS_TABLE")
	if table == "" {
		return "no table, because CUSTOMERS_TABLE is not set"
	}
	table = "CUSTOMERS_TABLE=" + table
	if u, err := url.Parse(endpoint); err == nil && loopback.IsHost(u.Host) {
		return table + " at " + u.Scheme + "://" + u.Host
	}
	return table + inRegion(region)
}

// inRegion names the Region of a flag, or else of the AWS configuration, as the SDK finds it in the
// variables and files of the process.
func inRegion(flag string) string {
	region := flag
	if region == "" {
		cfg, err := config.LoadDefaultConfig(context.Background(), config.WithLogger(logging.Nop{}))
		if err != nil {
			return "" // the command reports the error
		}
		region = cfg.Region
	}
	if region == "" {
		return " (no AWS Region is set)"
	}
	return " in " + region
}

// stripeTarget names the Stripe mode, as far as the variables say it.
func stripeTarget(getenv func(string) string) string {
	key, secret := strings.TrimSpace(getenv("STRIPE_SECRET_KEY")), getenv("STRIPE_SECRET_ID")
	target := "Stripe mode not known yet"
	switch livemode := getenv("STRIPE_LIVEMODE"); {
	case livemode == "true", livemode == "" && isKeyOf(key, "live"):
		target = "Stripe live mode"
	case livemode == "false", livemode == "" && isKeyOf(key, "test"):
		target = "Stripe test mode"
	case key == "" && secret == "":
		target = "no Stripe key"
	case key == "":
		target += ": the key is in the secret of STRIPE_SECRET_ID" // whose value may be the key, by mistake
	}
	if u, err := url.Parse(getenv("STRIPE_API_BASE")); err == nil && loopback.IsHost(u.Host) {
		target += " at " + u.Scheme + "://" + u.Host
	}
	return target
}

func isKeyOf(key, mode string) bool {
	return strings.HasPrefix(key, "sk_"+mode+"_") || strings.HasPrefix(key, "rk_"+mode+"_")
}
