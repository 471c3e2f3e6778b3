// Package devserver is the development server. It serves the functions, stand-ins for the services
// that they call, and a demo page. It also creates events and tokens for the functions, and runs a
// function's real bootstrap against the same stand-ins.
package devserver

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"billingportal/functions/app"
	"billingportal/functions/app/portal"
	"billingportal/local/internal/demo"
	"billingportal/local/internal/fakeaws"
	"billingportal/local/internal/fakeaws/dynamodb"
	"billingportal/local/internal/fakeaws/secretsmanager"
	"billingportal/local/internal/fakeissuer"
	"billingportal/local/internal/fakestripe"
	"billingportal/local/internal/fakestripe/account"
	"billingportal/local/internal/gateway"
)

// Paths of the stand-ins on the server's origin.
const (
	IssuerPath         = "/oidc"
	DynamoDBPath       = "/aws/dynamodb"
	SecretsManagerPath = "/aws/secretsmanager"
	StripePath         = "/stripe"
	WebhookPath        = "/stripe/webhook"
)

// Contents of the stand-ins.
const (
	CustomersTable = "billing-customers"
	StripeSecret   = "billing-portal/stripe"
	WebhookSecret  = "billing-portal/webhook"
	Audience       = "billing-portal"
	// DemoKey looks like a test key, as stripe-mock requires. It opens no account.
	DemoKey = "sk_test_" + "localdemo"
	// DemoSigningSecret signs the events of the stand-in Stripe and of the command events.
	DemoSigningSecret = "whsec_" + "localdemo"
)

// DemoCustomers maps users to customers. Bob has no item, and carol's customer does not exist.
var DemoCustomers = map[string]string{
	"alice": "cus_DemoAlice",
	"carol": "cus_DemoCarol",
	"dave":  "cus_DemoDave",
	"erin":  "cus_DemoErin",
}

// Server serves the functions and the stand-ins on one origin.
type Server struct {
	Origin         string // for example http://127.0.0.1:8080
	Issuer         *fakeissuer.Issuer
	DynamoDB       *dynamodb.Server
	SecretsManager *secretsmanager.Server
	Stripe         *fakestripe.Stripe
	StripeKey      string // a test-mode key, or DemoKey
	Credentials    aws.Credentials

	everyone string // customer of the users who have no other; "" for none
}

// New creates the stand-ins with the demo's data. With a test-mode key the function calls Stripe,
// and customers maps the demo users to customers there.
func New(origin, stripeKey string, customers map[string]string) (*Server, error) {
	l := &Server{
		Origin:         origin,
		DynamoDB:       dynamodb.NewServer(),
		SecretsManager: secretsmanager.NewServer(),
		StripeKey:      stripeKey,
		Credentials:    fakeaws.NewCredentials(),
	}
	if l.hasSecrets() {
		// Other users of this machine can connect to its loopback addresses too, so real secrets
		// need credentials. The demo's own secrets are in the source code, and containers of sam
		// local use the developer's credentials, so those secrets are readable with any
		// credentials.
		l.SecretsManager.Require(l.Credentials)
	}
	var err error
	if l.Issuer, err = fakeissuer.New(origin + IssuerPath); err != nil {
		return nil, err
	}
	if l.Stripe, err = fakestripe.New(fakestripe.Config{PublicURL: origin, Keys: []string{DemoKey}}); err != nil {
		return nil, err
	}
	if err := l.DynamoDB.CreateTable(CustomersTable, "user_id"); err != nil {
		return nil, err
	}
	for user, customer := range customers {
		item := map[string]any{"user_id": user, "customer_id": customer}
		if err := l.DynamoDB.Put(CustomersTable, item); err != nil {
			return nil, fmt.Errorf("map %s to %s: %w", user, customer, err)
		}
	}
	l.SecretsManager.Put(StripeSecret, stripeKey)
	l.Stripe.Change(func(d *account.Data) {
		d.Endpoints = []account.WebhookEndpoint{{ID: "we_Demo", URL: origin + WebhookPath, Events: WebhookEventTypes}}
	})
	if err := l.storeSigningSecrets(); err != nil {
		return nil, err
	}
	return l, nil
}

// hasSecrets reports whether the stand-in Secrets Manager holds more than the demo's own secrets.
func (l *Server) hasSecrets() bool {
	return l.StripeKey != DemoKey || os.Getenv(ListenSecret) != ""
}

// Environment returns the variables that template.yaml and Lambda set. host is the origin of the
// stand-ins for the function.
func (l *Server) Environment(host string) map[string]string {
	env := map[string]string{
		"AWS_REGION":                       "eu-central-1",
		"AWS_ACCESS_KEY_ID":                l.Credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":            l.Credentials.SecretAccessKey,
		"AWS_LAMBDA_FUNCTION_NAME":         "PortalFunction",
		"AWS_ENDPOINT_URL_DYNAMODB":        host + DynamoDBPath,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": host + SecretsManagerPath,
		"CUSTOMERS_TABLE":                  CustomersTable,
		"STRIPE_SECRET_ID":                 StripeSecret,
		"STRIPE_LIVEMODE":                  "false",
		"JWT_ISSUER":                       l.Origin + IssuerPath,
		"JWT_AUDIENCE":                     Audience,
		"SESSION_COOKIE":                   "session",
		"ALLOWED_ORIGINS":                  l.Origin,
		"DEFAULT_RETURN_URL":               l.Origin + "/",
	}
	if l.StripeKey == DemoKey {
		env["STRIPE_API_BASE"] = host + StripePath
		env["PORTAL_HOSTS"] = strings.TrimPrefix(l.Origin, "http://")
		env["ALLOWED_CONFIGURATIONS"] = "bpc_DemoDefault,bpc_DemoCancelOnly"
		env["ALLOWED_ACCOUNTS"] = "acct_DemoConnect"
		env["ALLOWED_COUPONS"] = "STAY20"
		env["ALLOWED_PROMOTION_CODES"] = "promo_DemoSpring"
	}
	return env
}

// Tunable lists the variables of the portal function that a developer may set, for example
// JWT_REQUIRED_SCOPE=billing go run ./local.
var Tunable = []string{
	"JWT_ISSUER", "JWT_ISSUER_ALIASES", "JWT_AUDIENCE", "JWT_JWKS_URL", "JWT_JWKS", "JWT_USER_CLAIM",
	"JWT_REQUIRED_SCOPE", "JWT_REQUIRED_CLAIM",
	"SESSION_COOKIE", "ALLOWED_ORIGINS", "DEFAULT_RETURN_URL", "ALLOWED_CONFIGURATIONS", "DEFAULT_CONFIGURATION",
	"ALLOWED_ACCOUNTS", "DEFAULT_ON_BEHALF_OF", "ALLOWED_FLOWS", "ALLOWED_COUPONS",
	"ALLOWED_PROMOTION_CODES", "NO_ACCOUNT_URL", "LOG_LEVEL",
}

// Handler serves the functions, the stand-ins and the demo page. The functions write their log to
// logs. Their background work ends with ctx.
func (l *Server) Handler(ctx context.Context, logs io.Writer) (http.Handler, error) {
	env := l.Environment(l.Origin)
	for _, name := range Tunable {
		if value := os.Getenv(name); value != "" {
			env[name] = value
		}
	}
	function, err := portal.New(ctx, GetenvOf(env), logs)
	webhook, webhookErr := l.webhook(ctx, logs)
	if err := app.JoinEnvironmentErrors(err, webhookErr, checkListenSecret()); err != nil {
		return nil, err
	}
	api := gateway.New(function, gateway.Config{AllowedOrigins: portal.AllowedOrigins(GetenvOf(env))})
	if lines, ok := logs.(*requestLines); ok {
		api, webhook = lines.around(api), lines.around(webhook)
	}
	mux := http.NewServeMux()
	mux.Handle(WebhookPath, webhook)
	mux.Handle("/", api)
	page := demo.New(l.DemoConfig(env))
	mux.Handle("GET /{$}", page)
	mux.Handle("GET /demo.css", page)
	mux.Handle("GET /demo.js", page)
	mux.Handle("POST /demo/", page)
	mux.Handle(IssuerPath+"/", http.StripPrefix(IssuerPath, l.Issuer))
	mux.Handle("/p/", l.Stripe)
	mux.Handle("/aws/", l.Cloud())
	mux.Handle(StripePath+"/", l.Cloud())
	return mux, nil
}

// DemoConfig returns the configuration of the demo page for a function with these variables. In
// Stripe's test mode the page does not know the customers' subscriptions, and the demo's IDs do not
// exist.
func (l *Server) DemoConfig(env map[string]string) demo.Config {
	config := demo.Config{
		Token:      func(user string) (string, error) { return l.Issuer.Token(user, nil, 0) },
		TokenFlags: l.tokenFlag(),
		Origin:     l.Origin,
		Cookie:     env["SESSION_COOKIE"],
		Users:      demo.Users(),
		State:      l.state,
		CheckOut: func(user string) string {
			return l.Stripe.OpenCheckout(account.Checkout{
				ClientReferenceID: user, Price: "price_StarterMonthly",
				SuccessURL: l.Origin + "/?" + url.Values{"user": {user}, "back": {"checkout"}}.Encode(),
			})
		},
		DeleteCustomers: l.Stripe.DeleteCustomersOf,
		OwnLogin:        l.ownLogin(env),
	}
	if l.StripeKey != DemoKey {
		for i := range config.Users {
			user := &config.Users[i]
			user.Subscriptions = nil
			user.Note = cmp.Or(l.DynamoDB.Text(CustomersTable, user.ID, "customer_id"), "No billing account")
		}
		config.Choices = &demo.Choices{Locales: demo.DefaultChoices().Locales}
		config.State, config.CheckOut, config.DeleteCustomers = nil, nil, nil
	}
	// A return_url of another origin would be refused.
	if config.OwnLogin == nil && !slices.Contains(portal.AllowedOrigins(GetenvOf(env)), l.Origin) {
		config.Origin = ""
	}
	return config
}

// ownLogin describes the app's own login that the variables set, or returns nil if the function
// accepts the demo users' tokens.
func (l *Server) ownLogin(env map[string]string) *demo.OwnLogin {
	demos := l.Environment(l.Origin)
	demos["JWT_USER_CLAIM"] = "sub"
	var set []string
	for _, name := range []string{"JWT_ISSUER", "JWT_AUDIENCE", "JWT_JWKS_URL", "JWT_JWKS", "JWT_USER_CLAIM"} {
		if value := env[name]; value != "" && !slices.Contains(strings.Split(value, ","), demos[name]) {
			set = append(set, name)
		}
	}
	if set == nil {
		return nil
	}
	return &demo.OwnLogin{
		Variables: set, Issuer: env["JWT_ISSUER"], Origins: portal.AllowedOrigins(GetenvOf(env)), Everyone: l.everyone,
	}
}

// state reads the state of a demo user from the table and from the stand-in Stripe.
func (l *Server) state(user string) demo.State {
	state := demo.State{Customer: l.DynamoDB.Text(CustomersTable, user, "customer_id")}
	overview, ok := l.Stripe.Overview(state.Customer)
	state.Deleted = state.Customer != "" && !ok
	state.Card, state.Address, state.TaxID = overview.Card, overview.Address, overview.TaxID
	for _, subscription := range overview.Subscriptions {
		state.Subscriptions = append(state.Subscriptions, demo.SubscriptionState(subscription))
	}
	return state
}

// Cloud serves the stand-ins for AWS and Stripe, without the pages, for a function in a container.
func (l *Server) Cloud() http.Handler {
	mux := http.NewServeMux()
	for path, service := range map[string]http.Handler{
		DynamoDBPath:       l.DynamoDB,
		SecretsManagerPath: l.SecretsManager,
	} {
		// The SDK posts to the endpoint with or without a slash, as the variable has it.
		mux.Handle(path, http.StripPrefix(path, service))
		mux.Handle(path+"/", http.StripPrefix(path, service))
	}
	for _, version := range []string{"/v1/", "/v2/"} {
		mux.Handle(StripePath+version, http.StripPrefix(StripePath, l.Stripe))
	}
	return mux
}

// GetenvOf returns a function like os.Getenv for these variables. It returns nil for nil, which
// means a function that is not deployed.
func GetenvOf(variables map[string]string) func(string) string {
	if variables == nil {
		return nil
	}
	return func(name string) string { return variables[name] }
}
