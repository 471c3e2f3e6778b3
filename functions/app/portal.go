//go:build !webhook

// The webhook's binary is built with the tag webhook, so that it holds nothing of the portal's: what Go links of a package, it
// also initializes.

package app

import (
	"context"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/lambdahttp"
	"billingportal/functions/internal/params"
	"billingportal/functions/internal/portal"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/upstream"
)

// Portal assembles the portal function. It starts to fetch what the first request
// needs (the secret, the issuer's keys, connections) and does not wait for it.
func Portal(ctx context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error) {
	config, err := readPortalConfig(getenv)
	if err != nil {
		return nil, err
	}
	parts := config.parts(ctx, logs)
	stripeAPI := upstream.NewTransport()
	stripeAPI.DialAhead(ctx, config.stripeAPIBase)

	issuer, err := newIssuer(config, parts.logger)
	if err != nil {
		return nil, err
	}
	keys := secret.NewCache(secret.Config[secret.Key]{
		Client: parts.secretsManagerClient(),
		ID:     config.stripeSecretID,
		Parse:  secret.StripeKey(config.stripeSecretField, config.livemode),
		Logger: parts.logger,
	})
	stripeClient := billing.New(billing.Config{
		APIBase:     config.stripeAPIBase,
		Livemode:    config.livemode,
		PortalHosts: config.portalHosts,
		Transport:   upstream.Whole{Next: stripeAPI},
	})
	handler, err := portal.New(portal.Config{
		Verifier:      auth.NewVerifier(config.auth, issuer.keys),
		Customers:     &customers.Store{Client: parts.dynamoDBClient(), Table: config.customers},
		Keys:          keys,
		Sessions:      stripeClient,
		Subscriptions: stripeClient,
		Policy:        config.policy,
		SessionCookie: config.sessionCookie,
		NoAccountURL:  config.noAccountURL,
		Log:           config.requestLog(parts.logs),
		RequestID:     lambdahttp.RequestID,
	})
	if err != nil {
		return nil, err
	}
	parts.prefetch(ctx, map[string]func(context.Context) error{
		"stripe key":  keys.Prefetch,
		"issuer keys": issuer.sets[0].Prefetch,
	})
	return parts.lambdaHandler(handler, params.MaxBodySize), nil
}

// portalConfig is the environment of the portal function, checked.
type portalConfig struct {
	common

	customers customers.Table

	stripeSecretID    string
	stripeSecretField string
	stripeAPIBase     string
	portalHosts       []string

	auth    auth.Config
	jwksURL string // address of the keys of all names of the issuer
	jwks    string // or the keys themselves; neither means discovery

	sessionCookie string
	noAccountURL  string
	policy        params.Policy
}

// readPortalConfig reads every variable, and reports every wrong one in one error.
// An empty variable counts as absent: a template passes empty parameters on.
func readPortalConfig(getenv func(string) string) (portalConfig, error) {
	e := &environment{getenv: getenv}
	c := portalConfig{
		customers:         e.customers(),
		stripeSecretID:    e.matching("STRIPE_SECRET_ID", "", secretPattern, "must be the name or ARN of a secret in Secrets Manager"),
		stripeSecretField: e.secretField(),
		stripeAPIBase:     e.stripeAPIBase(),
		portalHosts:       e.list("PORTAL_HOSTS", "billing.stripe.com", hostPattern, "must be hosts, each with its port where it has one"),
		sessionCookie:     e.matching("SESSION_COOKIE", none, tokenPattern, "must be the name of a cookie"),
		noAccountURL:      e.webURL("NO_ACCOUNT_URL"),
	}
	c.policy = e.policy()
	c.common = e.common()
	e.tokens(&c)
	if err := e.err(); err != nil {
		return portalConfig{}, err
	}
	return c, nil
}

func (e *environment) policy() params.Policy {
	p := params.Policy{
		AllowedOrigins:        e.origins("ALLOWED_ORIGINS"),
		AllowedConfigurations: e.list("ALLOWED_CONFIGURATIONS", none, idPattern, "must be IDs of portal configurations"),
		DefaultConfiguration:  e.matching("DEFAULT_CONFIGURATION", none, idPattern, "must be the ID of a portal configuration"),
		AllowedAccounts:       e.list("ALLOWED_ACCOUNTS", none, idPattern, "must be IDs of connected accounts"),
		DefaultOnBehalfOf:     e.matching("DEFAULT_ON_BEHALF_OF", none, idPattern, "must be the ID of a connected account"),
		AllowedFlows:          e.flows("ALLOWED_FLOWS"),
		AllowedCoupons:        e.list("ALLOWED_COUPONS", none, idPattern, "must be IDs of coupons"),
		AllowedPromotionCodes: e.list("ALLOWED_PROMOTION_CODES", none, idPattern, "must be IDs of promotion codes"),
	}
	var ok bool
	if p.DefaultReturnURL, ok = e.value("DEFAULT_RETURN_URL", ""); ok {
		if origin, err := params.OriginOf(p.DefaultReturnURL); err != nil {
			e.wrong("DEFAULT_RETURN_URL", err.Error())
		} else if len(p.AllowedOrigins) > 0 && !slices.Contains(p.AllowedOrigins, origin) {
			e.wrong("DEFAULT_RETURN_URL", "must be on one of ALLOWED_ORIGINS")
		}
	}
	return p
}

// AllowedOrigins are the origins of ALLOWED_ORIGINS in the form that browsers send. It is empty if the variable is wrong.
func AllowedOrigins(getenv func(string) string) []string {
	var origins []string
	for _, origin := range (&environment{getenv: getenv}).origins("ALLOWED_ORIGINS") {
		origins = append(origins, string(origin))
	}
	return origins
}

func (e *environment) origins(name string) []params.Origin {
	var origins []params.Origin
	for _, item := range e.list(name, "", regexp.MustCompile(`.`), "must be origins") {
		origin, err := params.ParseOrigin(item)
		if err != nil {
			e.wrong(name, "must be origins such as https://app.example.com (http only for a loopback host), separated by commas")
			return nil
		}
		origins = append(origins, origin)
	}
	return origins
}

func (e *environment) flows(name string) []string {
	flows := params.Flows()
	if _, given := e.value(name, none); !given {
		return flows
	}
	pattern := regexp.MustCompile("^(" + strings.Join(flows, "|") + ")$")
	return e.list(name, none, pattern, "must be among "+strings.Join(flows, ", "))
}

// webURL reads an optional URL: https, or http of a loopback host.
func (e *environment) webURL(name string) string {
	value, ok := e.value(name, none)
	if ok {
		if _, err := params.OriginOf(value); err != nil {
			e.wrong(name, err.Error())
		}
	}
	return value
}
