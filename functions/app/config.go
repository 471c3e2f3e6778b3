package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"billingportal/functions/internal/auth"
	"billingportal/functions/internal/portal"
	"billingportal/functions/internal/upstream"
)

// config is the environment of the portal function, checked.
type config struct {
	customersTable     string
	customersKey       string
	customersAttribute string

	stripeSecretID string
	stripeAPIBase  string
	livemode       bool
	portalHosts    []string

	auth    auth.Config
	jwksURL string
	jwks    string

	sessionCookie string
	noAccountURL  string
	policy        portal.Policy
	logLevel      slog.Level
	functionName  string
	aws           awsEnvironment
}

// readConfig reads every variable, and reports every wrong one in one error. An
// empty variable counts as absent: a template passes empty parameters on.
func readConfig(getenv func(string) string) (config, error) {
	e := &environment{getenv: getenv}
	c := config{
		customersTable:     e.matching("CUSTOMERS_TABLE", "", tablePattern, "must be the name or ARN of a DynamoDB table"),
		customersKey:       e.matching("CUSTOMERS_KEY", "user_id", attributePattern, "must be the name of an attribute"),
		customersAttribute: e.matching("CUSTOMERS_ATTRIBUTE", "customer_id", attributePattern, "must be the name of an attribute"),
		stripeSecretID:     e.matching("STRIPE_SECRET_ID", "", secretPattern, "must be the name or ARN of a secret in Secrets Manager"),
		stripeAPIBase:      e.apiBase("STRIPE_API_BASE", "https://api.stripe.com"),
		livemode:           e.oneOf("STRIPE_LIVEMODE", "", "true", "false") == "true",
		portalHosts:        e.list("PORTAL_HOSTS", "billing.stripe.com", hostPattern, "must be hosts, each with its port where it has one"),
		jwksURL:            e.optional("JWT_JWKS_URL"),
		jwks:               e.optional("JWT_JWKS"),
		sessionCookie:      e.matching("SESSION_COOKIE", none, tokenPattern, "must be the name of a cookie"),
		noAccountURL:       e.webURL("NO_ACCOUNT_URL"),
		logLevel:           e.level("LOG_LEVEL"),
		functionName:       getenv("AWS_LAMBDA_FUNCTION_NAME"),
	}
	c.auth = e.auth()
	c.policy = e.policy()
	c.aws = e.aws()
	e.checkKeys(c)
	if len(e.errors) > 0 {
		return config{}, fmt.Errorf("the environment is wrong:\n%w", errors.Join(e.errors...))
	}
	return c, nil
}

// checkKeys reports keys that cannot be used, or that must not be fetched from
// where they are said to be.
func (e *environment) checkKeys(c config) {
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

// none is the default of a variable that may be absent without one.
const none = "\x00"

var (
	tablePattern     = regexp.MustCompile(`^([A-Za-z0-9_.-]+|arn:[A-Za-z0-9:/_.-]+)$`)
	attributePattern = regexp.MustCompile(`^[^\s,]+$`)
	secretPattern    = regexp.MustCompile(`^[A-Za-z0-9/_+=.@:!-]+$`)
	hostPattern      = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]{1,5})?$`)
	tokenPattern     = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") // RFC 9110, section 5.6.2
	scopePattern     = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`)   // RFC 6749, section 3.3
	idPattern        = regexp.MustCompile(`^[^\s,]+$`)
	regionPattern    = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
)

// environment reads variables and collects what is wrong with them.
type environment struct {
	getenv func(string) string
	errors []error
	names  []string // of the wrong variables
}

// wrong notes what is wrong with a variable. It never repeats the value: it could
// be a secret in the wrong place.
func (e *environment) wrong(name, problem string) {
	e.errors = append(e.errors, fmt.Errorf("%s %s", name, problem))
	e.names = append(e.names, name)
}

func (e *environment) isWrong(name string) bool { return slices.Contains(e.names, name) }

// value returns a variable, or its default; "" is the default of one that is required.
func (e *environment) value(name, fallback string) (string, bool) {
	value := strings.TrimSpace(e.getenv(name))
	switch {
	case value != "":
		return value, true
	case fallback == none:
		return "", false
	case fallback == "":
		e.wrong(name, "is required")
		return "", false
	}
	return fallback, true
}

func (e *environment) required(name string) string {
	value, _ := e.value(name, "")
	return value
}

func (e *environment) optional(name string) string {
	value, _ := e.value(name, none)
	return value
}

func (e *environment) matching(name, fallback string, pattern *regexp.Regexp, problem string) string {
	value, ok := e.value(name, fallback)
	if ok && !pattern.MatchString(value) {
		e.wrong(name, problem)
	}
	return value
}

func (e *environment) oneOf(name, fallback string, allowed ...string) string {
	value, ok := e.value(name, fallback)
	if ok && !slices.Contains(allowed, value) {
		e.wrong(name, "must be one of "+strings.Join(allowed, ", "))
	}
	return value
}

// list reads a comma-separated list.
func (e *environment) list(name, fallback string, pattern *regexp.Regexp, problem string) []string {
	value, ok := e.value(name, fallback)
	if !ok {
		return nil
	}
	items := strings.Split(value, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
		if !pattern.MatchString(items[i]) {
			e.wrong(name, problem+" (a comma-separated list)")
			return nil
		}
	}
	return items
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

// containerHost is the name by which a container on a laptop reaches the laptop:
// no other host in the world has it.
const containerHost = "host.docker.internal"

// apiBase reads the base URL of an API, where a key is sent: https, or http of
// this machine.
func (e *environment) apiBase(name, fallback string) string {
	value, _ := e.value(name, fallback)
	u, err := url.Parse(value)
	isLocal := err == nil && (upstream.IsLoopback(u.Hostname()) || u.Hostname() == containerHost)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(value, "?#") ||
		(u.Scheme != "https" && (u.Scheme != "http" || !isLocal)) {
		e.wrong(name, "must be an https URL without userinfo, query or fragment (http only for a loopback host)")
	}
	return strings.TrimRight(value, "/")
}

func (e *environment) level(name string) slog.Level {
	var level slog.Level
	// The four texts are also slog's.
	_ = level.UnmarshalText([]byte(e.oneOf(name, "info", "debug", "info", "warn", "error")))
	return level
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
