// Package webhook assembles the webhook function: environment, clients, handler.
package webhook

import (
	"context"
	"io"
	"regexp"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/app/internal/config"
	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/lambdahttp"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/webhook"
)

// New assembles the function. It starts to fetch the signing secrets and to dial DynamoDB, and does
// not wait for these.
func New(ctx context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error) {
	c, err := ReadConfig(getenv)
	if err != nil {
		return nil, err
	}
	deps := c.Deps(ctx, logs)
	wiring := webhook.Config{
		Mapping:   &customers.Writer{Client: deps.DynamoDBClient(), Table: c.Customers},
		Rules:     c.Rules,
		Source:    c.EventSource,
		Log:       c.RequestLog(deps.Logs),
		RequestID: lambdahttp.RequestID,
	}
	if c.SecretID != "" {
		secrets := secret.NewCache(secret.Config[secret.SigningSecrets]{
			Client: deps.SecretsManagerClient(),
			ID:     c.SecretID,
			Parse:  secret.ParseSigningSecrets,
			Logger: deps.Logger,
		})
		wiring.Secrets, wiring.Fetched = secrets, secrets.Fetched
		deps.Prefetch(ctx, map[string]func(context.Context) error{"signing secrets": secrets.Prefetch})
	}
	handler := webhook.New(wiring)
	return handler.EventBridge(deps.LambdaHandler(handler, webhook.MaxBodySize)), nil
}

var (
	eventSourcePattern = regexp.MustCompile(`^aws\.partner/stripe\.com/[A-Za-z0-9._/-]+$`)
	accountPattern     = regexp.MustCompile(`^acct_[A-Za-z0-9_]+$`)
)

// Config is the validated environment of the function.
type Config struct {
	config.Common

	Customers   customers.Table
	SecretID    string // "" if all events come from the event bus
	EventSource string // "" if all events come over HTTP
	Rules       webhook.Rules
}

// Variables returns the sorted names of the variables that the function reads.
func Variables() []string { return config.Names(ReadConfig) }

// ReadConfig reads every variable. One error names all wrong ones.
func ReadConfig(getenv func(string) string) (Config, error) {
	e := config.NewEnvironment(getenv)
	c := Config{
		Common:    e.Common(),
		Customers: e.Customers(),
		EventSource: e.Matching("STRIPE_EVENT_SOURCE", config.Optional, eventSourcePattern,
			"must be the whole name of Stripe's event source on EventBridge, aws.partner/stripe.com/…"),
	}
	c.Rules = webhook.Rules{
		Livemode: c.Livemode,
		Account: e.Matching("STRIPE_ACCOUNT", config.Optional, accountPattern,
			"must be the ID of your Stripe account, acct_…"),
		MetadataKey: e.MetadataKey(),
		References: webhook.References(e.OneOf("CLIENT_REFERENCES", config.Default(string(webhook.SessionReferences)),
			string(webhook.NoReferences), string(webhook.SessionReferences), string(webhook.AllReferences))),
	}
	// The secret may be omitted only if events come from EventBridge. Otherwise requests could not
	// be verified.
	withoutSecret := config.Required
	if c.EventSource != "" {
		withoutSecret = config.Optional
	}
	c.SecretID = e.SecretID("WEBHOOK_SECRET_ID", withoutSecret)
	if err := e.Err(); err != nil {
		return Config{}, err
	}
	return c, nil
}
