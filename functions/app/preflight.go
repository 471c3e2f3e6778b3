//go:build !webhook && !portal

// The binaries of the portal and the webhook are built with the tags of their names, so that they hold nothing of this.

package app

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/preflight"
	"billingportal/functions/internal/requestlog"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
	"billingportal/functions/internal/webhook"
)

// Finding is what a check of a deployment found.
type Finding = preflight.Finding

// Statuses of findings.
const (
	FindingOK      = preflight.OK
	FindingWarning = preflight.Warning
	FindingProblem = preflight.Problem
)

// HasProblem reports whether a deployment with these findings must not serve.
func HasProblem(findings []Finding) bool { return preflight.HasProblem(findings) }

// Examiner looks at deployments.
type Examiner struct {
	// Pause waits between requests to Stripe; nil means a timer. A test that does not wait replaces it.
	Pause func(ctx context.Context, d time.Duration) error
	// Extra are more checks of the Stripe account.
	Extra []ExtraCheck
}

// ExtraCheck is a check that an operator's tool adds. read sends its requests to Stripe with APIVersion.
type ExtraCheck struct {
	Name       string
	APIVersion string
	Run        func(ctx context.Context, read StripeReader) (Finding, error)
}

// StripeReader asks Stripe for an object or a list, with the deployment's key and at the pace of all checks.
type StripeReader = preflight.StripeReader

// patience is how long all checks may take, not counting the time that the pace of the requests to Stripe takes.
const patience = 15 * time.Second

// Doctor finds out whether a deployment can work. Its functions' environments are read as the functions read them; nil is one that
// is not deployed. It changes nothing. A few allowed configurations and coupons take 20 s at most; every 4 more of them take another
// second in test mode, and every 18 in live mode.
func (x Examiner) Doctor(ctx context.Context, portal, webhook func(string) string) []Finding {
	return x.examine(ctx, portal, webhook, nil)
}

// examine looks at new versions too: live is the environment of the portal that serves now, nil if nothing serves.
func (x Examiner) examine(ctx context.Context, portal, webhook, live func(string) string) []Finding {
	inspection := &inspection{clock: &preflight.Clock{}, pause: x.Pause, extra: x.Extra}
	if portal != nil {
		inspection.extra = x.Extra
		inspection.portal(portal)
	}
	if portal != nil && live != nil {
		inspection.usersKept(portal, live)
	}
	if webhook != nil {
		inspection.webhook(webhook)
	}
	inspection.add(inspection.clock.Check())
	limit := patience
	if inspection.stripe != nil {
		limit += inspection.stripe.Pace.Time(len(inspection.checks) + preflight.Sampled)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return preflight.Run(ctx, inspection.checks)
}

// inspection collects the checks of a deployment.
type inspection struct {
	clock  *preflight.Clock
	pause  func(ctx context.Context, d time.Duration) error
	extra  []ExtraCheck
	checks []preflight.Check
	stripe *preflight.Stripe // the portal's; nil if its environment is wrong
}

func (i *inspection) add(checks ...preflight.Check) { i.checks = append(i.checks, checks...) }

// environment adds a check that says whether an environment can be read, and returns whether it can.
func (i *inspection) environment(function string, err error) bool {
	i.add(preflight.Check{Name: function + "'s variables", Run: func(context.Context) Finding {
		if err == nil {
			return Finding{Status: preflight.OK, Detail: "complete, and each of the right form"}
		}
		_, wrong, _ := strings.Cut(err.Error(), "\n")
		return Finding{
			Status: preflight.Problem, Detail: strings.ReplaceAll(wrong, "\n", "; "),
			Advice: "Correct the parameters of these names in .deploy/ENV.toml (or samconfig.toml), and deploy. Until then the function does not start.",
		}
	}})
	return err == nil
}

func (i *inspection) portal(getenv func(string) string) {
	config, err := readPortalConfig(getenv)
	if !i.environment("portal", err) {
		return
	}
	keys := secret.NewCache(secret.Config[secret.Key]{
		Client: config.aws.secretsManagerClient(i.aws()), ID: config.stripeSecretID, Parse: secret.StripeKey(config.stripeSecretField, config.livemode),
	})
	pace := preflight.NewPace(config.livemode, i.pause)
	api := billing.Config{
		APIBase:     config.stripeAPIBase,
		Livemode:    config.livemode,
		PortalHosts: config.portalHosts,
		Transport:   i.clock.Watch(upstream.Whole{Next: upstream.NewTransport()}),
		Pause:       pace.Pause,
	}
	i.stripe = &preflight.Stripe{Keys: keys, Pace: pace, API: billing.New(api)}
	for _, check := range i.extra {
		api.APIVersion = check.APIVersion
		i.add((&preflight.Stripe{Keys: keys, Pace: pace, API: billing.New(api)}).Extra(check.Name, check.Run))
	}
	i.add(
		preflight.SecretUsable("Stripe key's secret", "STRIPE_SECRET_ID", keys),
		i.stripe.KeyAccepted(),
		i.stripe.MayCreateSessions(),
		i.stripe.MayReadSubscriptions(config.policy.AllowedFlows),
		i.stripe.MayReadProducts(),
		i.stripe.Configuration(config.policy.DefaultConfiguration),
		i.stripe.Flows(config.policy.AllowedFlows, config.policy.DefaultConfiguration),
	)
	for _, id := range config.policy.AllowedConfigurations {
		if id != config.policy.DefaultConfiguration {
			i.add(i.stripe.Configuration(id))
		}
	}
	for _, id := range config.policy.AllowedCoupons {
		i.add(i.stripe.Coupon(id))
	}
	for _, id := range config.policy.AllowedPromotionCodes {
		i.add(i.stripe.PromotionCode(id))
	}
	for _, id := range config.accounts() {
		i.add(i.stripe.Account(id))
	}
	if issuer, err := newIssuer(config, nil); err == nil { // else the variables are wrong
		for alias, set := range issuer.sets {
			i.add(preflight.IssuerKeys(set, alias))
		}
	}
	client := config.aws.dynamoDBClient(i.aws())
	i.add(
		preflight.TableReadable(client, config.customers),
		preflight.TableKey(client, config.customers),
		preflight.Mappings(client, config.customers, i.stripe),
	)
}

// usersKept adds a check that compares the tables of two environments.
func (i *inspection) usersKept(portal, live func(string) string) {
	e, serving := &environment{getenv: portal}, &environment{getenv: live}
	table, aws := e.customers(), e.aws()
	liveTable, liveAWS := serving.customers(), serving.aws()
	if e.err() != nil || serving.err() != nil {
		return // another check reports the new variables, and a version with wrong ones serves no request
	}
	i.add(preflight.UsersKept(aws.dynamoDBClient(i.aws()), table, liveAWS.dynamoDBClient(i.aws()), liveTable))
}

// accounts are the connected accounts that sessions may be for.
func (c portalConfig) accounts() []string {
	accounts := c.policy.AllowedAccounts
	if one := c.policy.DefaultOnBehalfOf; one != "" {
		accounts = append([]string{one}, accounts...)
	}
	return accounts
}

func (i *inspection) webhook(getenv func(string) string) {
	config, err := readWebhookConfig(getenv)
	if !i.environment("webhook", err) {
		return
	}
	if config.secretID != "" {
		i.add(preflight.SecretUsable("signing secrets", "WEBHOOK_SECRET_ID", secret.NewCache(secret.Config[secret.SigningSecrets]{
			Client: config.aws.secretsManagerClient(i.aws()), ID: config.secretID, Parse: secret.ParseSigningSecrets,
		})))
	}
	i.add(preflight.ClientReferences(string(config.rules.References)))
	if i.stripe == nil {
		return // the webhook has no key of its own to ask with
	}
	i.stripe.Organization = config.rules.Account != ""
	if config.secretID != "" {
		i.add(
			i.stripe.Endpoint(config.basePath+webhook.Path, webhook.Types),
			i.stripe.ThinDestinations(config.basePath+webhook.Path),
		)
	}
	if config.eventSource != "" {
		i.add(i.stripe.EventSource(config.eventSource, webhook.Types))
	}
	if i.stripe.Organization {
		i.add(i.stripe.OwnAccount(config.rules.Account))
	}
}

// aws is a transport to AWS that the clock sees.
func (i *inspection) aws() http.RoundTripper {
	return i.clock.Watch(upstream.NewTransport())
}

// Preflight assembles the function that looks at a new version before it gets traffic. It never fails to start: whatever is wrong
// with its environment is reported as a deployment that must not go on.
func (x Examiner) Preflight(_ context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error) {
	e := &environment{getenv: getenv}
	aws := e.aws()
	lambdaEndpoint, codeDeployEndpoint := e.endpoint("AWS_ENDPOINT_URL_LAMBDA"), e.endpoint("AWS_ENDPOINT_URL_CODEDEPLOY")
	transport := upstream.NewTransport()
	client := awslambda.NewFromConfig(aws.Config(lambdaEndpoint, transport, invokeTimeout, 2))
	return &preflight.Hook{
		Lambda: client,
		// A report that does not arrive holds the deployment for an hour, so it is tried more often than anything else.
		CodeDeploy: codedeploy.NewFromConfig(aws.Config(codeDeployEndpoint, transport, reportTimeout, 4)),
		Portal:     e.optional("PORTAL_FUNCTION"),
		Webhook:    e.optional("WEBHOOK_FUNCTION"),
		Broken:     e.err(),
		Look: func(ctx context.Context, versions preflight.Environments) []Finding {
			return x.examine(ctx, getenvOf(versions.Portal, getenv), getenvOf(versions.Webhook, getenv), getenvOf(versions.Live, getenv))
		},
		Logs: requestlog.Lines(logs),
	}, nil
}

const (
	invokeTimeout = 16 * time.Second // the functions' own 15 s and a little
	reportTimeout = 3 * time.Second
)

// getenvOf is the environment of a version: its own variables, and what Lambda gives this function, whose rights are used.
func getenvOf(variables map[string]string, own func(string) string) func(string) string {
	if variables == nil {
		return nil
	}
	return func(name string) string {
		if value, ok := variables[name]; ok {
			return value
		}
		if strings.HasPrefix(name, "AWS_") {
			return own(name)
		}
		return ""
	}
}
