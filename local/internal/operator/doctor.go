package operator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/urfave/cli/v3"

	"billingportal/functions/app/portal"
	"billingportal/functions/app/preflight"
	"billingportal/functions/app/webhook"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/operator/portalconfig"
)

func doctorCommand(getenv func(string) string) *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "say whether a deployment can work, and if not, what to do",
		Description: "Looks at secrets, Stripe key and permissions, portal settings, table, issuer, session cookie, " +
			"webhook endpoint and clock, and changes nothing:\n\n" +
			"  go run ./local doctor --stack billing-portal    a deployed stack, with your own AWS credentials\n" +
			"  CUSTOMERS_TABLE=… JWT_ISSUER=… go run ./local doctor    the functions' variables of this environment\n" +
			"  go run ./local doctor    the laptop's own cloud, where all is well\n\n" +
			"The exit status is 1 where there is a problem, and 0 where there are warnings alone.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "stack", Usage: "`NAME` of the CloudFormation stack whose functions are looked at"},
			&cli.StringFlag{Name: "region", Usage: "AWS `REGION`; left out, the one of your AWS configuration"},
			&cli.StringFlag{Name: "portal-config",
				Usage: "compare the portal configurations at Stripe with those of `FILE`, which portal-config applies"},
			&cli.BoolFlag{Name: "json", Usage: "an array of objects with name, status, detail and advice"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			var examiner preflight.Examiner
			if path := cmd.String("portal-config"); path != "" {
				file, err := portalconfig.Read(path)
				if err != nil {
					return err
				}
				if examiner.Extra, err = file.Checks(); err != nil {
					return err
				}
			}
			findings, err := examine(ctx, getenv, examiner, cmd.String("stack"), cmd.String("region"))
			if err != nil {
				return err
			}
			if err := printFindings(cmd.Root().Writer, findings, cmd.Bool("json")); err != nil {
				return err
			}
			if preflight.HasProblem(findings) {
				return errors.New("there is a problem")
			}
			return nil
		},
	}
}

// environments has the variables of the functions, nil for a function that is not deployed, and says
// whether their API has a domain.
type environments struct {
	portal, webhook map[string]string
	domain          preflight.Domain
}

// examine looks at a stack, at this environment's deployment or, if there is neither, at the
// laptop's own.
func examine(ctx context.Context, getenv func(string) string, examiner preflight.Examiner,
	stack, region string) ([]preflight.Finding, error) {
	own := ownVariables(getenv)
	if stack == "" && len(own) == 0 {
		if region != "" {
			return nil, errors.New("--region goes with --stack, or with the functions' variables")
		}
		return examineDevserver(ctx, examiner)
	}
	endpoint := cmp.Or(own["AWS_ENDPOINT_URL_DYNAMODB"], own["AWS_ENDPOINT_URL"])
	if stack != "" {
		endpoint = ""
	}
	cfg, err := loadAWS(ctx, endpoint, nil, config.WithRegion(region))
	if err != nil {
		return nil, err
	}
	deployed := environments{portal: own, domain: preflight.DomainNotInVariables}
	if own["WEBHOOK_SECRET_ID"] != "" || own["STRIPE_EVENT_SOURCE"] != "" {
		deployed.webhook = own
	}
	if stack != "" {
		if deployed, err = environmentsOf(ctx, cfg, stack); err != nil {
			return nil, err
		}
	}
	credentials, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	for _, variables := range []map[string]string{deployed.portal, deployed.webhook} {
		if variables == nil {
			continue
		}
		maps.Copy(variables, map[string]string{
			"AWS_REGION": cfg.Region, "AWS_ACCESS_KEY_ID": credentials.AccessKeyID,
			"AWS_SECRET_ACCESS_KEY": credentials.SecretAccessKey, "AWS_SESSION_TOKEN": credentials.SessionToken,
		})
	}
	examiner.Domain = deployed.domain
	return examiner.Doctor(ctx, devserver.GetenvOf(deployed.portal), devserver.GetenvOf(deployed.webhook)), nil
}

// notDeployments are variables that a shell may have for other programs. They say nothing about a
// deployment.
var notDeployments = []string{
	"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL",
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
}

// ownVariables are those of the functions that this environment sets.
func ownVariables(getenv func(string) string) map[string]string {
	own := map[string]string{}
	for _, name := range slices.Concat(portal.Variables(), webhook.Variables()) {
		if value := getenv(name); value != "" {
			own[name] = value
		}
	}
	for name := range own {
		if !slices.Contains(notDeployments, name) {
			return own
		}
	}
	return nil
}

// environmentsOf reads the configuration of a stack's functions, as the alias serves it where there
// is one.
func environmentsOf(ctx context.Context, cfg aws.Config, stack string) (environments, error) {
	resources, err := resourcesOf(ctx, cloudformation.NewFromConfig(cfg), stack)
	var refusal smithy.APIError
	switch {
	case errors.As(err, &refusal) && refusal.ErrorCode() == "ValidationError":
		return environments{}, fmt.Errorf("there is no stack %s in the Region %s", stack, cfg.Region)
	case err != nil:
		return environments{}, fmt.Errorf("the stack %s: %w", stack, describeAWS("cloudformation", cfg.Region, err))
	}
	found := environments{domain: preflight.NoDomain}
	if resources["PortalDomain"] != "" {
		found.domain = preflight.OwnDomain
	}
	for logical, into := range map[string]*map[string]string{"PortalFunction": &found.portal,
		"WebhookFunction": &found.webhook} {
		if resources[logical] == "" {
			continue
		}
		if *into, err = variablesOf(ctx, lambda.NewFromConfig(cfg), resources[logical]); err != nil {
			return environments{}, err
		}
	}
	if found.portal == nil {
		return environments{}, fmt.Errorf("stack %s has no PortalFunction", stack)
	}
	return found, nil
}

// resourcesOf maps logical IDs to the names of resources. DescribeStackResources would end after
// 100 resources, and infra/deployer.yaml does not allow it.
//
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
func resourcesOf(ctx context.Context, client *cloudformation.Client, stack string) (map[string]string, error) {
	names := map[string]string{}
	pages := cloudformation.NewListStackResourcesPaginator(client,
		&cloudformation.ListStackResourcesInput{StackName: aws.String(stack)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err // the caller reads its code
		}
		for _, resource := range page.StackResourceSummaries {
			if !strings.HasPrefix(string(resource.ResourceStatus), "DELETE_") {
				names[aws.ToString(resource.LogicalResourceId)] = aws.ToString(resource.PhysicalResourceId)
			}
		}
	}
	return names, nil
}

func variablesOf(ctx context.Context, client *lambda.Client, function string) (map[string]string, error) {
	output, err := client.GetFunctionConfiguration(ctx,
		&lambda.GetFunctionConfigurationInput{FunctionName: aws.String(function), Qualifier: aws.String("live")})
	var missing *lambdatypes.ResourceNotFoundException
	if errors.As(err, &missing) {
		output, err = client.GetFunctionConfiguration(ctx,
			&lambda.GetFunctionConfigurationInput{FunctionName: aws.String(function)})
	}
	if err != nil {
		return nil, fmt.Errorf("the function %s: %w", function, describeAWS("lambda", client.Options().Region, err))
	}
	if output.Environment == nil {
		return map[string]string{}, nil
	}
	return maps.Clone(output.Environment.Variables), nil
}

// examineDevserver looks at a laptop of its own. Carol is not on it: she is there to show what a
// stale mapping looks like.
func examineDevserver(ctx context.Context, examiner preflight.Examiner) ([]preflight.Finding, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	customers := maps.Clone(devserver.DemoCustomers)
	delete(customers, "carol")
	l, err := devserver.New("http://"+listener.Addr().String(), devserver.DemoKey, customers)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	handler, err := l.Handler(ctx, io.Discard)
	if err != nil {
		stop()
		return nil, errors.Join(err, listener.Close())
	}
	served := make(chan error, 1)
	go func() { served <- devserver.ServeAll(ctx, map[net.Listener]http.Handler{listener: handler}) }()
	examiner.Pause = noPause
	findings := examiner.Doctor(ctx, devserver.GetenvOf(l.Environment(l.Origin)),
		devserver.GetenvOf(l.WebhookEnvironment(l.Origin)))
	stop()
	return findings, <-served
}

// noPause is for the stand-in Stripe, which has no limit.
func noPause(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// printFindings prints what was found, for people or as JSON.
func printFindings(w io.Writer, findings []preflight.Finding, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(findings)
	}
	// What is wrong comes last, where a terminal shows it.
	order := []string{"ok", "warning", "problem"}
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b preflight.Finding) int {
		return slices.Index(order, string(a.Status)) - slices.Index(order, string(b.Status))
	})
	counts := map[string]int{}
	for _, finding := range sorted {
		counts[string(finding.Status)]++
		label := string(finding.Status)
		if finding.Status != preflight.OK {
			label = strings.ToUpper(label)
		}
		if _, err := fmt.Fprintf(w, "%-8s %s: %s\n", label, finding.Name, finding.Detail); err != nil {
			return err
		}
		if finding.Advice != "" {
			if _, err := fmt.Fprintf(w, "         %s\n", finding.Advice); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(w, "%d checks: %d ok, %d warnings, %d problems\n", len(sorted), counts["ok"],
		counts["warning"], counts["problem"])
	return err
}
