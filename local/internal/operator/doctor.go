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

	"billingportal/functions/app/operator"
	"billingportal/functions/app/portal"
	"billingportal/functions/app/preflight"
	"billingportal/functions/app/webhook"
	"billingportal/local/internal/commandline"
	"billingportal/local/internal/devserver"
	"billingportal/local/internal/operator/portalconfig"
)

func doctorCommand(getenv func(string) string) *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "Check whether a deployment can work, and say how to fix it if not",
		Description: "EXAMPLES:\n" +
			"   go run ./local doctor                         check the development server's stand-ins, which have " +
			"no problem\n" +
			"   go run ./local doctor --stack billing-portal  check a deployed stack, with your own AWS credentials\n" +
			"   CUSTOMERS_TABLE=… JWT_ISSUER=… go run ./local doctor\n" +
			"                                                 check the functions' variables in this environment\n\n" +
			"It checks the secrets, the Stripe key with its mode and permissions, the portal settings, the table, " +
			"the token issuer,\nthe session cookie, the webhook endpoint and the clock. It changes nothing. The exit " +
			"status is 1 if there is a problem,\nand 0 if there are only warnings.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "stack", Usage: "check the functions of the CloudFormation stack with this `NAME`"},
			&cli.StringFlag{Name: "region",
				Usage: "use this AWS `REGION`; by default the Region of your AWS configuration"},
			&cli.StringFlag{Name: "portal-config",
				Usage: "also compare the portal configurations at Stripe with `FILE`, the file of portal-config apply"},
			&cli.BoolFlag{Name: "json",
				Usage: "print a JSON array of objects with name, status, detail and advice"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			e := examination{getenv: getenv, stack: cmd.String("stack"), region: cmd.String("region"),
				said: cmd.Root().ErrWriter}
			if path := cmd.String("portal-config"); path != "" {
				file, err := portalconfig.Read(path)
				if err != nil {
					return err
				}
				if e.examiner.Extra, err = file.Checks(); err != nil {
					return err
				}
			}
			findings, err := e.run(ctx)
			if err != nil {
				return err
			}
			if err := printFindings(cmd.Root().Writer, findings, cmd.Bool("json")); err != nil {
				return err
			}
			return e.conclude(cmd, findings)
		},
	}
}

// environments has the variables of the functions. The variables of a function that is not deployed
// are nil.
type environments struct {
	portal, webhook map[string]string
	domain          preflight.Domain // whether the API has its own domain
}

// examination is one run of doctor: of a stack, of the environment, or, without both, of the
// development server's stand-ins.
type examination struct {
	getenv        func(string) string
	examiner      preflight.Examiner
	stack, region string
	said          io.Writer // for the table and the Stripe mode of a stack, which a request finds out

	sources []aws.CredentialSource // of the AWS credentials; nil without AWS
}

func (e *examination) isOfStandIns() bool { return e.stack == "" && len(ownVariables(e.getenv)) == 0 }

// run makes all checks.
func (e *examination) run(ctx context.Context) ([]preflight.Finding, error) {
	if e.isOfStandIns() {
		if e.region != "" {
			return nil, errors.New("--region goes with --stack, or with the functions' variables")
		}
		return examineDevserver(ctx, e.examiner)
	}
	own := ownVariables(e.getenv)
	endpoint := cmp.Or(own["AWS_ENDPOINT_URL_DYNAMODB"], own["AWS_ENDPOINT_URL"])
	if e.stack != "" {
		endpoint = ""
	}
	cfg, err := loadAWS(ctx, endpoint, nil, config.WithRegion(e.region))
	if errors.Is(err, errNoRegion) {
		return nil, fmt.Errorf("%w, or add --region", err)
	}
	if err != nil {
		return nil, err
	}
	e.sources = sourcesOf(cfg.Credentials)
	deployed := environments{portal: own, domain: preflight.DomainNotInVariables}
	if own["WEBHOOK_SECRET_ID"] != "" || own["STRIPE_EVENT_SOURCE"] != "" {
		deployed.webhook = own
	}
	if e.stack != "" {
		if deployed, err = environmentsOf(ctx, cfg, e.stack); err != nil {
			return nil, err
		}
		fmt.Fprintf(e.said, "doctor: the stack has %s\n",
			deploymentTarget(devserver.GetenvOf(deployed.portal), cfg.Region))
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
	e.examiner.Domain = deployed.domain
	return e.examiner.Doctor(ctx, devserver.GetenvOf(deployed.portal), devserver.GetenvOf(deployed.webhook)), nil
}

// conclude says the next step. It returns an error if there is a problem.
func (e *examination) conclude(cmd *cli.Command, findings []preflight.Finding) error {
	var problems []preflight.Finding
	warnings := 0
	for _, finding := range findings {
		switch finding.Status {
		case preflight.Problem:
			problems = append(problems, finding)
			signIn := describeSignIn(e.sources, finding.Failure)
			if signIn != nil && e.sources != nil {
				return signIn
			}
		case preflight.Warning:
			warnings++
		}
	}
	again := commandline.Again(cmd, nil)
	switch {
	case len(problems) == 1:
		return fmt.Errorf("1 problem: fix %q as its advice says, then run again:\n  %s", problems[0].Name, again)
	case len(problems) > 1:
		return fmt.Errorf("%d problems: fix %q first, as its advice says, then run again:\n  %s", len(problems),
			problems[0].Name, again)
	case warnings > 0:
		commandline.Next(cmd, "read the advice of each warning. A warning does not stop a deployment.")
	case e.isOfStandIns():
		commandline.Next(cmd, "check your own deployment with go run ./local doctor --stack billing-portal")
	case e.stack == "":
		commandline.Next(cmd, "make deploy ENV=prod, then go run ./local doctor --stack billing-portal")
	default:
		commandline.Next(cmd,
			"nothing to fix. After a change of a key, a secret or a parameter, run again:\n  %s", again)
	}
	return nil
}

// notDeployments are variables that a shell may have for other programs. They do not name a
// deployment.
var notDeployments = []string{
	"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL",
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
}

// ownVariables returns the variables of the functions that this environment sets; nil if it sets
// only variables of other programs.
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

// environmentsOf reads the variables of the functions in a stack: of the version that the alias
// serves, if there is an alias.
func environmentsOf(ctx context.Context, cfg aws.Config, stack string) (environments, error) {
	resources, err := resourcesOf(ctx, cloudformation.NewFromConfig(cfg), stack)
	var refusal smithy.APIError
	switch {
	case errors.As(err, &refusal) && refusal.ErrorCode() == "ValidationError":
		return environments{}, fmt.Errorf("there is no stack %s in the Region %s: check --stack and --region", stack,
			cfg.Region)
	case err != nil:
		return environments{}, fmt.Errorf("the stack %s: %w", stack, describeAWS(operator.CloudFormation, cfg, err))
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
		if *into, err = variablesOf(ctx, cfg, resources[logical]); err != nil {
			return environments{}, err
		}
	}
	if found.portal == nil {
		return environments{},
			fmt.Errorf("the stack %s has no PortalFunction: is it the billing portal's stack?", stack)
	}
	return found, nil
}

// resourcesOf maps logical IDs to the names of resources. It does not use DescribeStackResources,
// which returns at most 100 resources and which infra/deployer.yaml does not allow.
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

func variablesOf(ctx context.Context, cfg aws.Config, function string) (map[string]string, error) {
	client := lambda.NewFromConfig(cfg)
	output, err := client.GetFunctionConfiguration(ctx,
		&lambda.GetFunctionConfigurationInput{FunctionName: aws.String(function), Qualifier: aws.String("live")})
	var missing *lambdatypes.ResourceNotFoundException
	if errors.As(err, &missing) {
		output, err = client.GetFunctionConfiguration(ctx,
			&lambda.GetFunctionConfigurationInput{FunctionName: aws.String(function)})
	}
	if err != nil {
		return nil, fmt.Errorf("the function %s: %w", function, describeAWS(operator.Lambda, cfg, err))
	}
	if output.Environment == nil {
		return map[string]string{}, nil
	}
	return maps.Clone(output.Environment.Variables), nil
}

// examineDevserver checks a development server that it starts for itself. The server has no carol,
// whose only purpose is to show a stale mapping.
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

// noPause is for the stand-in Stripe, which has no rate limit.
func noPause(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// printFindings prints findings as lines for people, or as JSON.
func printFindings(w io.Writer, findings []preflight.Finding, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(findings)
	}
	// Problems come last, because a terminal shows the end.
	order := []string{"ok", "warning", "problem"}
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b preflight.Finding) int {
		return slices.Index(order, string(a.Status)) - slices.Index(order, string(b.Status))
	})
	counts := map[string]int64{}
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
	_, err := fmt.Fprintf(w, "%s: %d ok, %s, %s\n", counted(int64(len(sorted)), "check", "checks"), counts["ok"],
		counted(counts["warning"], "warning", "warnings"), counted(counts["problem"], "problem", "problems"))
	return err
}
