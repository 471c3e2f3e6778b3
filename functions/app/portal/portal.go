// Package portal assembles the portal function: environment, clients, handler.
package portal

import (
	"context"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app/internal/config"
	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/lambdahttp"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/portal"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// New assembles the function. It starts to fetch what the first request needs (the secret, the
// issuer's keys, connections) and does not wait for these.
func New(ctx context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error) {
	c, err := ReadConfig(getenv)
	if err != nil {
		return nil, err
	}
	deps := c.Deps(ctx, logs)
	stripeAPI := upstream.NewTransport()
	stripeAPI.DialAhead(ctx, c.StripeAPIBase)

	issuer, err := c.Tokens.Issuer(deps.Logger)
	if err != nil {
		return nil, err
	}
	keys := secret.NewCache(secret.Config[secret.Key]{
		Client: deps.SecretsManagerClient(),
		ID:     c.StripeSecretID,
		Parse:  secret.StripeKey(c.StripeSecretField, c.Livemode),
		Logger: deps.Logger,
	})
	stripeClient := billing.New(billing.Config{
		APIBase:     c.StripeAPIBase,
		Livemode:    c.Livemode,
		PortalHosts: c.PortalHosts,
		Transport:   upstream.BufferRequests{Next: stripeAPI},
	})
	handler, err := portal.New(portal.Config{
		Verifier:      auth.NewVerifier(c.Tokens.Rules, issuer.Keys),
		Customers:     &customers.Store{Client: deps.DynamoDBClient(), Table: c.Customers},
		Keys:          keys,
		Sessions:      stripeClient,
		Subscriptions: stripeClient,
		Policy:        c.Policy,
		Livemode:      c.Livemode,
		SessionCookie: c.SessionCookie,
		NoAccountURL:  c.NoAccountURL,
		Log:           c.RequestLog(deps.Logs),
		RequestID:     lambdahttp.RequestID,
	})
	if err != nil {
		return nil, err
	}
	deps.Prefetch(ctx, map[string]func(context.Context) error{
		"stripe key":  keys.Prefetch,
		"issuer keys": issuer.Sets[0].Prefetch,
	})
	return deps.LambdaHandler(handler, params.MaxBodySize), nil
}

var (
	hostPattern  = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]{1,5})?$`)
	tokenPattern = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") // RFC 9110, section 5.6.2
	idPattern    = regexp.MustCompile(`^[^\s,]+$`)
)

// Config is the validated environment of the function.
type Config struct {
	config.Common

	Customers customers.Table

	StripeSecretID    string
	StripeSecretField string
	StripeAPIBase     string
	PortalHosts       []string

	Tokens        Tokens
	SessionCookie string
	NoAccountURL  string
	Policy        params.Policy
}

// Variables returns the sorted names of the variables that the function reads.
func Variables() []string { return config.Names(ReadConfig) }

// ReadConfig reads every variable. One error names all wrong ones.
func ReadConfig(getenv func(string) string) (Config, error) {
	e := environment{config.NewEnvironment(getenv)}
	c := Config{
		Common:            e.Common(),
		Customers:         e.Customers(),
		StripeSecretID:    e.SecretID("STRIPE_SECRET_ID", config.Required),
		StripeSecretField: e.StripeSecretField(),
		StripeAPIBase:     e.StripeAPIBase(),
		PortalHosts: e.List("PORTAL_HOSTS", config.Default("billing.stripe.com"), hostPattern,
			"must be hosts, each with its port where it has one"),
		SessionCookie: e.Matching("SESSION_COOKIE", config.Optional, tokenPattern, "must be the name of a cookie"),
		NoAccountURL:  e.webURL("NO_ACCOUNT_URL"),
		Policy:        e.policy(),
	}
	c.Tokens = e.tokens(c.Livemode)
	if err := e.Err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// environment reads the variables that only this function has.
type environment struct{ *config.Environment }

func (e environment) policy() params.Policy {
	p := params.Policy{
		AllowedOrigins: e.origins("ALLOWED_ORIGINS"),
		AllowedConfigurations: e.List("ALLOWED_CONFIGURATIONS", config.Optional, idPattern,
			"must be IDs of portal configurations"),
		DefaultConfiguration: e.Matching("DEFAULT_CONFIGURATION", config.Optional, idPattern,
			"must be the ID of a portal configuration"),
		AllowedAccounts: e.List("ALLOWED_ACCOUNTS", config.Optional, idPattern,
			"must be IDs of connected accounts"),
		DefaultOnBehalfOf: e.Matching("DEFAULT_ON_BEHALF_OF", config.Optional, idPattern,
			"must be the ID of a connected account"),
		AllowedFlows:   e.flows("ALLOWED_FLOWS"),
		AllowedCoupons: e.List("ALLOWED_COUPONS", config.Optional, idPattern, "must be IDs of coupons"),
		AllowedPromotionCodes: e.List("ALLOWED_PROMOTION_CODES", config.Optional, idPattern,
			"must be IDs of promotion codes"),
	}
	var ok bool
	if p.DefaultReturnURL, ok = e.Value("DEFAULT_RETURN_URL", config.Required); ok {
		if origin, err := params.OriginOf(p.DefaultReturnURL); err != nil {
			e.Wrong("DEFAULT_RETURN_URL", err.Error())
		} else if len(p.AllowedOrigins) > 0 && !slices.Contains(p.AllowedOrigins, origin) {
			e.Wrong("DEFAULT_RETURN_URL", "must be on one of ALLOWED_ORIGINS")
		}
	}
	return p
}

// AllowedOrigins returns the origins in ALLOWED_ORIGINS as browsers send them, or nil if the
// variable is wrong.
func AllowedOrigins(getenv func(string) string) []string {
	var origins []string
	for _, origin := range (environment{config.NewEnvironment(getenv)}).origins("ALLOWED_ORIGINS") {
		origins = append(origins, string(origin))
	}
	return origins
}

func (e environment) origins(name string) []params.Origin {
	var origins []params.Origin
	for _, item := range e.List(name, config.Required, regexp.MustCompile(`.`), "must be origins") {
		origin, err := params.ParseOrigin(item)
		if err != nil {
			e.Wrong(name,
				"must be origins such as https://app.example.com (http only for a loopback host), separated by commas")
			return nil
		}
		origins = append(origins, origin)
	}
	return origins
}

func (e environment) flows(name string) []string {
	if _, given := e.Value(name, config.Optional); !given {
		return params.DefaultFlows()
	}
	flows := params.Flows()
	pattern := regexp.MustCompile("^(" + strings.Join(flows, "|") + ")$")
	return e.List(name, config.Optional, pattern, "must be among "+strings.Join(flows, ", "))
}

// webURL reads an optional URL: https, or http on a loopback host.
func (e environment) webURL(name string) string {
	value, ok := e.Value(name, config.Optional)
	if ok {
		if _, err := params.OriginOf(value); err != nil {
			e.Wrong(name, err.Error())
		}
	}
	return value
}
