package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
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

// Paths of the stand-ins on the laptop's one origin.
const (
	issuerPath         = "/oidc"
	dynamoDBPath       = "/aws/dynamodb"
	secretsManagerPath = "/aws/secretsmanager"
	stripePath         = "/stripe"
	webhookPath        = "/stripe/webhook"
)

const (
	customersTable = "billing-customers"
	stripeSecret   = "billing-portal/stripe"
	webhookSecret  = "billing-portal/webhook"
	audience       = "billing-portal"
	// demoKey looks like a test key, which stripe-mock insists on, and opens nothing.
	demoKey = "sk_test_" + "localdemo"
	// demoSigningSecret signs the events of the stand-in Stripe, and those of the command events.
	demoSigningSecret = "whsec_" + "localdemo"
)

// demoCustomers is the mapping: bob has no item, carol's customer does not exist.
var demoCustomers = map[string]string{
	"alice": "cus_DemoAlice",
	"carol": "cus_DemoCarol",
	"dave":  "cus_DemoDave",
	"erin":  "cus_DemoErin",
}

// devserver is the function and everything that it talks to, on one origin.
type devserver struct {
	origin         string // such as http://127.0.0.1:8080
	issuer         *fakeissuer.Issuer
	dynamoDB       *dynamodb.Server
	secretsManager *secretsmanager.Server
	stripe         *fakestripe.Stripe
	stripeKey      string // a key of Stripe's test mode, or demoKey
	credentials    aws.Credentials
}

// newDevserver makes the stand-ins and fills in the demo's data. With a key of
// Stripe's test mode the function talks to Stripe, and customers says which of
// its customers a demo user is.
func newDevserver(origin, stripeKey string, customers map[string]string) (*devserver, error) {
	l := &devserver{
		origin:         origin,
		dynamoDB:       dynamodb.NewServer(),
		secretsManager: secretsmanager.NewServer(),
		stripeKey:      stripeKey,
		credentials:    fakeaws.NewCredentials(),
	}
	if l.hasSecrets() {
		// Other users of this machine reach its loopback addresses too. The demo's own secrets are in the source code, and sam local's
		// containers come with whatever credentials the developer has, so those are for everyone.
		l.secretsManager.Require(l.credentials)
	}
	var err error
	if l.issuer, err = fakeissuer.New(origin + issuerPath); err != nil {
		return nil, err
	}
	if l.stripe, err = fakestripe.New(fakestripe.Config{PublicURL: origin, Keys: []string{demoKey}}); err != nil {
		return nil, err
	}
	if err := l.dynamoDB.CreateTable(customersTable, "user_id"); err != nil {
		return nil, err
	}
	for user, customer := range customers {
		item := map[string]any{"user_id": user, "customer_id": customer}
		if err := l.dynamoDB.Put(customersTable, item); err != nil {
			return nil, fmt.Errorf("map %s to %s: %w", user, customer, err)
		}
	}
	l.secretsManager.Put(stripeSecret, stripeKey)
	l.stripe.Change(func(d *account.Data) {
		d.Endpoints = []account.WebhookEndpoint{{ID: "we_Demo", URL: origin + webhookPath, Events: webhookEventTypes}}
	})
	if err := l.acceptEventsOf(); err != nil {
		return nil, err
	}
	return l, nil
}

// hasSecrets reports whether the stand-in Secrets Manager holds more than the demo's own secrets.
func (l *devserver) hasSecrets() bool {
	return l.stripeKey != demoKey || os.Getenv(listenSecret) != ""
}

// environment is what template.yaml and Lambda would set. host is the origin at
// which the function reaches the stand-ins.
func (l *devserver) environment(host string) map[string]string {
	env := map[string]string{
		"AWS_REGION":                       "eu-central-1",
		"AWS_ACCESS_KEY_ID":                l.credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":            l.credentials.SecretAccessKey,
		"AWS_LAMBDA_FUNCTION_NAME":         "PortalFunction",
		"AWS_ENDPOINT_URL_DYNAMODB":        host + dynamoDBPath,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": host + secretsManagerPath,
		"CUSTOMERS_TABLE":                  customersTable,
		"STRIPE_SECRET_ID":                 stripeSecret,
		"STRIPE_LIVEMODE":                  "false",
		"JWT_ISSUER":                       l.origin + issuerPath,
		"JWT_AUDIENCE":                     audience,
		"SESSION_COOKIE":                   "session",
		"ALLOWED_ORIGINS":                  l.origin,
		"DEFAULT_RETURN_URL":               l.origin + "/",
	}
	if l.stripeKey == demoKey {
		env["STRIPE_API_BASE"] = host + stripePath
		env["PORTAL_HOSTS"] = strings.TrimPrefix(l.origin, "http://")
		env["ALLOWED_CONFIGURATIONS"] = "bpc_DemoDefault,bpc_DemoCancelOnly"
		env["ALLOWED_ACCOUNTS"] = "acct_DemoConnect"
		env["ALLOWED_COUPONS"] = "STAY20"
		env["ALLOWED_PROMOTION_CODES"] = "promo_DemoSpring"
	}
	return env
}

// tunable are the variables that an engineer may set to try the service with
// another rule: JWT_REQUIRED_SCOPE=billing go run ./local.
var tunable = []string{
	"JWT_ISSUER", "JWT_ISSUER_ALIASES", "JWT_AUDIENCE", "JWT_JWKS_URL", "JWT_JWKS", "JWT_USER_CLAIM", "JWT_REQUIRED_SCOPE", "JWT_REQUIRED_CLAIM",
	"SESSION_COOKIE", "ALLOWED_ORIGINS", "DEFAULT_RETURN_URL", "ALLOWED_CONFIGURATIONS", "DEFAULT_CONFIGURATION",
	"ALLOWED_ACCOUNTS", "DEFAULT_ON_BEHALF_OF", "ALLOWED_FLOWS", "ALLOWED_COUPONS",
	"ALLOWED_PROMOTION_CODES", "NO_ACCOUNT_URL", "LOG_LEVEL",
}

// handler serves everything on the laptop's origin. Log lines of the function go
// to logs; ctx ends what the function does in the background.
func (l *devserver) handler(ctx context.Context, logs io.Writer) (http.Handler, error) {
	env := l.environment(l.origin)
	for _, name := range tunable {
		if value := os.Getenv(name); value != "" {
			env[name] = value
		}
	}
	function, err := portal.New(ctx, getenvOf(env), logs)
	webhook, webhookErr := l.webhook(ctx, logs)
	if err := app.JoinEnvironmentErrors(err, webhookErr, checkListenSecret()); err != nil {
		return nil, err
	}
	api := gateway.New(function, gateway.Config{AllowedOrigins: portal.AllowedOrigins(getenvOf(env))})
	if lines, ok := logs.(*requestLines); ok {
		api, webhook = lines.around(api), lines.around(webhook)
	}
	mux := http.NewServeMux()
	mux.Handle(webhookPath, webhook)
	mux.Handle("/", api)
	page := demo.New(l.demoConfig(env["SESSION_COOKIE"]))
	mux.Handle("GET /{$}", page)
	mux.Handle("GET /demo.css", page)
	mux.Handle("GET /demo.js", page)
	mux.Handle("POST /demo/", page)
	mux.Handle(issuerPath+"/", http.StripPrefix(issuerPath, l.issuer))
	mux.Handle("/p/", l.stripe)
	mux.Handle("/aws/", l.cloud())
	mux.Handle(stripePath+"/", l.cloud())
	return mux, nil
}

// demoConfig is what the demo page offers. In Stripe's test mode nothing is known
// of the customers' subscriptions, and the demo's IDs do not exist.
func (l *devserver) demoConfig(cookie string) demo.Config {
	config := demo.Config{
		Token:  func(user string) (string, error) { return l.issuer.Token(user, nil, 0) },
		Origin: l.origin,
		Cookie: cookie,
		Users:  demo.Users(),
		State:  l.state,
		CheckOut: func(user string) string {
			return l.stripe.OpenCheckout(account.Checkout{
				ClientReferenceID: user, Price: "price_StarterMonthly", SuccessURL: l.origin + "/?" + url.Values{"user": {user}, "back": {"checkout"}}.Encode(),
			})
		},
		DeleteCustomers: l.stripe.DeleteCustomersOf,
	}
	if l.stripeKey != demoKey {
		for i := range config.Users {
			config.Users[i].Subscriptions = nil
		}
		config.Choices = &demo.Choices{Locales: demo.DefaultChoices().Locales}
		config.State, config.CheckOut, config.DeleteCustomers = nil, nil, nil
	}
	return config
}

// state looks a demo user up in the table and at the stand-in Stripe.
func (l *devserver) state(user string) demo.State {
	state := demo.State{Customer: l.dynamoDB.Text(customersTable, user, "customer_id")}
	overview, ok := l.stripe.Overview(state.Customer)
	state.Deleted, state.Card = state.Customer != "" && !ok, overview.Card
	for _, subscription := range overview.Subscriptions {
		state.Subscriptions = append(state.Subscriptions, demo.SubscriptionState(subscription))
	}
	return state
}

// cloud serves what a function in a container needs of the devserver: AWS and Stripe,
// and no page.
func (l *devserver) cloud() http.Handler {
	mux := http.NewServeMux()
	for path, service := range map[string]http.Handler{
		dynamoDBPath:       l.dynamoDB,
		secretsManagerPath: l.secretsManager,
	} {
		// The SDK posts to the endpoint as it is written, slash or no slash.
		mux.Handle(path, http.StripPrefix(path, service))
		mux.Handle(path+"/", http.StripPrefix(path, service))
	}
	for _, version := range []string{"/v1/", "/v2/"} {
		mux.Handle(stripePath+version, http.StripPrefix(stripePath, l.stripe))
	}
	return mux
}
