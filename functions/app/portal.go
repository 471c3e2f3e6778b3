//go:build !webhook

// The webhook's binary is built with the tag webhook, so that it holds nothing of the portal's: what Go links of a package, it
// also initializes.

package app

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/billing"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/lambdahttp"
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

	keySet, prefetchKeys, err := newKeySet(config, parts.logger)
	if err != nil {
		return nil, err
	}
	keys := secret.NewCache(secret.Config[secret.Key]{
		Client: parts.secretsManagerClient(),
		ID:     config.stripeSecretID,
		Parse:  secret.StripeKey(config.stripeSecretField, config.livemode),
		Logger: parts.logger,
	})
	fetched := map[string]func() time.Time{"secret_age_ms": keys.Fetched}
	if remote, ok := keySet.(*auth.RemoteKeySet); ok {
		fetched["keys_age_ms"] = remote.Fetched
	}
	stripeClient := billing.New(billing.Config{
		APIBase:     config.stripeAPIBase,
		Livemode:    config.livemode,
		PortalHosts: config.portalHosts,
		Transport:   upstream.Whole{Next: stripeAPI},
	})
	handler, err := portal.New(portal.Config{
		Verifier:      auth.NewVerifier(config.auth, keySet),
		Customers:     &customers.Store{Client: parts.dynamoDBClient(), Table: config.customers},
		Keys:          keys,
		Sessions:      stripeClient,
		Subscriptions: stripeClient,
		Policy:        config.policy,
		SessionCookie: config.sessionCookie,
		NoAccountURL:  config.noAccountURL,
		Log:           config.requestLog(parts.logs),
		Fetched:       fetched,
		RequestID:     lambdahttp.RequestID,
	})
	if err != nil {
		return nil, err
	}
	parts.prefetch(ctx, map[string]func(context.Context) error{
		"stripe key":  keys.Prefetch,
		"issuer keys": prefetchKeys,
	})
	return parts.lambdaHandler(handler), nil
}

// newKeySet returns the issuer's keys and how to fetch them ahead.
func newKeySet(config portalConfig, logger *slog.Logger) (auth.KeySet, func(context.Context) error, error) {
	if config.jwks != "" {
		keySet, err := auth.ParseStaticKeySet([]byte(config.jwks))
		return keySet, func(context.Context) error { return nil }, err
	}
	keySet, err := auth.NewRemoteKeySet(auth.RemoteConfig{
		Issuer:  config.auth.Issuer,
		JWKSURL: config.jwksURL,
		Logger:  logger,
	})
	if err != nil {
		return nil, nil, err
	}
	prefetch := func(ctx context.Context) error {
		_ = keySet.Prefetch(ctx) // it logs its failure itself
		return nil
	}
	return keySet, prefetch, nil
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
	jwksURL string
	jwks    string

	sessionCookie string
	noAccountURL  string
	policy        portal.Policy
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
		jwksURL:           e.optional("JWT_JWKS_URL"),
		jwks:              e.optional("JWT_JWKS"),
		sessionCookie:     e.matching("SESSION_COOKIE", none, tokenPattern, "must be the name of a cookie"),
		noAccountURL:      e.webURL("NO_ACCOUNT_URL"),
	}
	c.auth = e.auth()
	c.policy = e.policy()
	c.common = e.common()
	e.checkKeys(c)
	if err := e.err(); err != nil {
		return portalConfig{}, err
	}
	return c, nil
}

// checkKeys reports keys that cannot be used, or that must not be fetched from
// where they are said to be.
func (e *environment) checkKeys(c portalConfig) {
	name := "JWT_ISSUER"
	switch {
	case c.jwks != "" && c.jwksURL != "":
		e.wrong("JWT_JWKS", "excludes JWT_JWKS_URL")
		return
	case c.jwks != "":
		name = "JWT_JWKS"
	case c.jwksURL != "":
		name = "JWT_JWKS_URL"
	case e.isWrong("JWT_ISSUER"):
		return
	}
	if _, _, err := newKeySet(c, nil); err != nil {
		e.wrong(name, "cannot be used: "+err.Error())
	}
}

func (e *environment) auth() auth.Config {
	c := auth.Config{
		Issuer:        e.issuer("JWT_ISSUER"),
		Audiences:     e.list("JWT_AUDIENCE", "", regexp.MustCompile(`^\S+$`), "must be audiences"),
		UserClaim:     e.matching("JWT_USER_CLAIM", "sub", attributePattern, "must be the name of a claim"),
		RequiredScope: e.matching("JWT_REQUIRED_SCOPE", none, scopePattern, "must be one scope"),
	}
	claim, ok := e.value("JWT_REQUIRED_CLAIM", none)
	if !ok {
		return c
	}
	name, values, _ := strings.Cut(claim, "=")
	c.RequiredClaim = auth.RequiredClaim{Name: name, Values: strings.Split(values, "|")}
	if name == "" || slices.Contains(c.RequiredClaim.Values, "") {
		e.wrong("JWT_REQUIRED_CLAIM", "must be name=value or name=value|value")
	}
	return c
}

// issuer reads the issuer, which tokens must repeat to the letter.
func (e *environment) issuer(name string) string {
	value, ok := e.value(name, "")
	if !ok {
		return ""
	}
	u, err := url.Parse(value)
	if _, originErr := portal.OriginOf(value); originErr != nil || err != nil || u.RawQuery != "" || u.Fragment != "" {
		e.wrong(name, "must be an https URL without query or fragment (http only for a loopback host)")
	}
	return value
}

func (e *environment) policy() portal.Policy {
	p := portal.Policy{
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
		if origin, err := portal.OriginOf(p.DefaultReturnURL); err != nil {
			e.wrong("DEFAULT_RETURN_URL", err.Error())
		} else if len(p.AllowedOrigins) > 0 && !slices.Contains(p.AllowedOrigins, origin) {
			e.wrong("DEFAULT_RETURN_URL", "must be on one of ALLOWED_ORIGINS")
		}
	}
	return p
}

// AllowedOrigins are the origins of ALLOWED_ORIGINS as the function reads them, which is how browsers write them. If the variable is
// wrong, there are none.
func AllowedOrigins(getenv func(string) string) []string {
	var origins []string
	for _, origin := range (&environment{getenv: getenv}).origins("ALLOWED_ORIGINS") {
		origins = append(origins, string(origin))
	}
	return origins
}

func (e *environment) origins(name string) []portal.Origin {
	var origins []portal.Origin
	for _, item := range e.list(name, "", regexp.MustCompile(`.`), "must be origins") {
		origin, err := portal.ParseOrigin(item)
		if err != nil {
			e.wrong(name, "must be origins such as https://app.example.com (http only for a loopback host), separated by commas")
			return nil
		}
		origins = append(origins, origin)
	}
	return origins
}

func (e *environment) flows(name string) []string {
	flows := portal.Flows()
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
		if _, err := portal.OriginOf(value); err != nil {
			e.wrong(name, err.Error())
		}
	}
	return value
}
