// Package preflight assembles the checks of a deployment, and the function that runs them before a
// new version gets traffic.
package preflight

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"billingportal/functions/app"
	"billingportal/functions/app/internal/config"
	"billingportal/functions/app/portal"
	"billingportal/functions/app/webhook"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/preflight"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
	webhookhandler "billingportal/functions/internal/webhook"
)

// A Finding is the result of one check of a deployment.
type Finding = preflight.Finding

// The statuses of findings.
const (
	OK      = preflight.OK
	Warning = preflight.Warning
	Problem = preflight.Problem
)

// Domain says whether the API has a custom domain.
type Domain = preflight.Domain

// The values of Domain.
const (
	DomainNotInVariables = preflight.DomainNotInVariables
	NoDomain             = preflight.NoDomain
	OwnDomain            = preflight.OwnDomain
)

// HasProblem reports whether a deployment with these findings must not get traffic.
func HasProblem(findings []Finding) bool { return preflight.HasProblem(findings) }

// An Examiner checks deployments.
type Examiner struct {
	// Pause waits between requests to Stripe; nil means a timer. Tests replace it.
	Pause func(ctx context.Context, d time.Duration) error
	// Extra are additional checks of the Stripe account.
	Extra []ExtraCheck
	// Domain says whether the API has a custom domain. The zero value skips the check of the
	// session cookie.
	Domain Domain
}

// An ExtraCheck is a check that an operator's tool adds. read sends its requests to Stripe with
// APIVersion.
type ExtraCheck struct {
	Name       string
	APIVersion string
	Run        func(ctx context.Context, read StripeReader) (Finding, error)
}

// A StripeReader gets an object or a list from Stripe with the deployment's key, at the pace of all
// checks.
type StripeReader = preflight.StripeReader

// patience limits the time for all checks, without the time that pacing the requests to Stripe
// takes.
const patience = 15 * time.Second

// Doctor checks whether a deployment can work. It reads the functions' environments as the
// functions do; nil is a function that is not deployed. It changes nothing. With a few allowed
// configurations and coupons it takes at most 20 s; every 4 more of them take another second in
// test mode, and every 18 in live mode.
func (x Examiner) Doctor(ctx context.Context, portal, webhook func(string) string) []Finding {
	return x.examine(ctx, portal, webhook, nil)
}

// examine also checks new versions. live is the environment of the portal that serves now; nil if
// there is none.
func (x Examiner) examine(ctx context.Context, portal, webhook, live func(string) string) []Finding {
	inspection := &inspection{clock: &preflight.Clock{}, pause: x.Pause, extra: x.Extra, domain: x.Domain}
	if portal != nil {
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
		limit += inspection.stripe.RateLimiter.Time(len(inspection.checks) + preflight.Sampled)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return preflight.Run(ctx, inspection.checks)
}

// An inspection collects the findings for a deployment.
type inspection struct {
	clock  *preflight.Clock
	pause  func(ctx context.Context, d time.Duration) error
	extra  []ExtraCheck
	domain Domain
	checks []preflight.Check
	stripe *preflight.Stripe // the portal's account; nil if the environment is wrong
}

func (i *inspection) add(checks ...preflight.Check) { i.checks = append(i.checks, checks...) }

// environment adds a check of a function's environment, and reports whether it is valid.
func (i *inspection) environment(function string, err error) bool {
	i.add(preflight.Check{Name: function + "'s variables", Run: func(context.Context) Finding {
		if err == nil {
			return Finding{Status: preflight.OK, Detail: "all variables are set and valid"}
		}
		var environment *app.EnvironmentError
		errors.As(err, &environment)
		return Finding{
			Status: preflight.Problem, Detail: strings.Join(environment.Wrong, "; "),
			Advice: "Correct the parameters with these names in .deploy/ENV.toml (or samconfig.toml), and deploy. " +
				"Until then the function does not start.",
		}
	}})
	return err == nil
}

func (i *inspection) portal(getenv func(string) string) {
	c, err := portal.ReadConfig(getenv)
	if !i.environment("portal", err) {
		return
	}
	keys := secret.NewCache(secret.Config[secret.Key]{
		Client: c.AWS.SecretsManagerClient(i.aws()), ID: c.StripeSecretID,
		Parse: secret.StripeKey(c.StripeSecretField, c.Livemode),
	})
	limiter := preflight.NewRateLimiter(c.Livemode, i.pause)
	api := billing.Config{
		APIBase:     c.StripeAPIBase,
		Livemode:    c.Livemode,
		PortalHosts: c.PortalHosts,
		Transport:   i.clock.Watch(upstream.BufferRequests{Next: upstream.NewTransport()}),
		Pause:       limiter.Pause,
	}
	i.stripe = &preflight.Stripe{Keys: keys, RateLimiter: limiter, API: billing.New(api)}
	for _, check := range i.extra {
		api.APIVersion = check.APIVersion
		i.add((&preflight.Stripe{Keys: keys, RateLimiter: limiter, API: billing.New(api)}).Extra(check.Name, check.Run))
	}
	i.add(
		preflight.SecretUsable("Stripe key's secret", "STRIPE_SECRET_ID", keys),
		i.stripe.KeyAccepted(),
		i.stripe.MayCreateSessions(),
		i.stripe.MayReadSubscriptions(c.Policy.AllowedFlows),
		i.stripe.MayReadProducts(),
		i.stripe.Configuration(c.Policy.DefaultConfiguration),
		i.stripe.Flows(c.Policy.AllowedFlows, c.Policy.DefaultConfiguration),
	)
	if slices.Contains(c.Policy.AllowedFlows, billing.CustomerUpdate) {
		i.add(i.stripe.FlowKnown(billing.CustomerUpdate, billing.CustomerUpdateVersion))
	}
	for _, id := range c.Policy.AllowedConfigurations {
		if id != c.Policy.DefaultConfiguration {
			i.add(i.stripe.Configuration(id))
		}
	}
	for _, id := range c.Policy.AllowedCoupons {
		i.add(i.stripe.Coupon(id))
	}
	for _, id := range c.Policy.AllowedPromotionCodes {
		i.add(i.stripe.PromotionCode(id))
	}
	for _, id := range accounts(c.Policy) {
		i.add(i.stripe.Account(id))
	}
	if issuer, err := c.Tokens.Issuer(nil); err == nil { // otherwise the variables are wrong
		for alias, set := range issuer.Sets {
			i.add(preflight.IssuerKeys(set, alias))
		}
	}
	if c.SessionCookie != "" && i.domain != preflight.DomainUnknown {
		domain := i.domain
		if c.BasePath != "" { // the mapping of a domain, which may belong to another stack
			domain = preflight.OwnDomain
		}
		i.add(preflight.CookieReachesAPI(domain))
	}
	client := c.AWS.DynamoDBClient(i.aws())
	i.add(
		preflight.TableReadable(client, c.Customers),
		preflight.TableKey(client, c.Customers),
		preflight.Mappings(client, c.Customers, i.stripe),
	)
}

// usersKept adds a check that compares the tables of two environments.
func (i *inspection) usersKept(portal, live func(string) string) {
	e, serving := config.NewEnvironment(portal), config.NewEnvironment(live)
	table, aws := e.Customers(), e.AWS()
	liveTable, liveAWS := serving.Customers(), serving.AWS()
	if e.Err() != nil || serving.Err() != nil {
		return // another check reports wrong variables, and such a version serves no request
	}
	i.add(preflight.UsersKept(aws.DynamoDBClient(i.aws()), table, liveAWS.DynamoDBClient(i.aws()), liveTable))
}

// accounts returns the connected accounts that sessions may be for.
func accounts(policy params.Policy) []string {
	accounts := policy.AllowedAccounts
	if one := policy.DefaultOnBehalfOf; one != "" {
		accounts = append([]string{one}, accounts...)
	}
	return accounts
}

func (i *inspection) webhook(getenv func(string) string) {
	c, err := webhook.ReadConfig(getenv)
	if !i.environment("webhook", err) {
		return
	}
	if c.SecretID != "" {
		i.add(preflight.SecretUsable("signing secrets", "WEBHOOK_SECRET_ID",
			secret.NewCache(secret.Config[secret.SigningSecrets]{
				Client: c.AWS.SecretsManagerClient(i.aws()), ID: c.SecretID, Parse: secret.ParseSigningSecrets,
			})))
	}
	i.add(preflight.ClientReferences(string(c.Rules.References)))
	if i.stripe == nil {
		return // the webhook has no Stripe key to ask with
	}
	i.stripe.Organization = c.Rules.Account != ""
	if c.SecretID != "" {
		i.add(
			i.stripe.Endpoint(c.BasePath+webhookhandler.Path, webhookhandler.Types),
			i.stripe.ThinDestinations(c.BasePath+webhookhandler.Path),
		)
	}
	if c.EventSource != "" {
		i.add(i.stripe.EventSource(c.EventSource, webhookhandler.Types))
	}
	if i.stripe.Organization {
		i.add(i.stripe.OwnAccount(c.Rules.Account))
	}
}

// aws returns a transport to AWS that also compares the clock.
func (i *inspection) aws() http.RoundTripper {
	return i.clock.Watch(upstream.NewTransport())
}
