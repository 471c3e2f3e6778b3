package app

import (
	"context"
	"io"

	"github.com/aws/aws-lambda-go/lambda"

	"billingportal/functions/internal/customers"
	"billingportal/functions/internal/lambdahttp"
	"billingportal/functions/internal/secret"
	"billingportal/functions/internal/webhook"
)

// Webhook assembles the webhook function. It starts to fetch the signing secrets
// and to dial DynamoDB, and does not wait for either.
func Webhook(ctx context.Context, getenv func(string) string, logs io.Writer) (lambda.Handler, error) {
	config, err := readWebhookConfig(getenv)
	if err != nil {
		return nil, err
	}
	parts := config.parts(ctx, logs)
	wiring := webhook.Config{
		Mapping:   &customers.Writer{Client: parts.dynamoDBClient(), Table: config.customers},
		Rules:     config.rules,
		Source:    config.eventSource,
		Log:       config.requestLog(parts.logs),
		RequestID: lambdahttp.RequestID,
	}
	if config.secretID != "" {
		secrets := secret.NewCache(secret.Config[secret.SigningSecrets]{
			Client: parts.secretsManagerClient(),
			ID:     config.secretID,
			Parse:  secret.ParseSigningSecrets,
			Logger: parts.logger,
		})
		wiring.Secrets, wiring.Fetched = secrets, secrets.Fetched
		parts.prefetch(ctx, map[string]func(context.Context) error{"signing secrets": secrets.Prefetch})
	}
	handler := webhook.New(wiring)
	return handler.Bus(parts.lambdaHandler(handler, webhook.MaxBodySize)), nil
}

// webhookConfig is the environment of the webhook function, checked.
type webhookConfig struct {
	common

	customers   customers.Table
	secretID    string // "": events come from the event bus alone
	eventSource string // "": events come over HTTP alone
	rules       webhook.Rules
}

// readWebhookConfig reads every variable, and reports every wrong one in one error.
func readWebhookConfig(getenv func(string) string) (webhookConfig, error) {
	e := &environment{getenv: getenv}
	c := webhookConfig{
		common:      e.common(),
		customers:   e.customers(),
		eventSource: e.matching("STRIPE_EVENT_SOURCE", none, eventSourcePattern, "must be the whole name of Stripe's event source on EventBridge, aws.partner/stripe.com/…"),
	}
	c.rules = webhook.Rules{
		Livemode:    c.livemode,
		Account:     e.matching("STRIPE_ACCOUNT", none, accountPattern, "must be the ID of your Stripe account, acct_…"),
		MetadataKey: e.metadataKey(),
		References: webhook.References(e.oneOf("CLIENT_REFERENCES", string(webhook.SessionReferences),
			string(webhook.NoReferences), string(webhook.SessionReferences), string(webhook.AllReferences))),
	}
	// Without it nobody could tell Stripe's requests from others: it is left out on purpose, or not at all.
	withoutSecret := ""
	if c.eventSource != "" {
		withoutSecret = none
	}
	c.secretID = e.matching("WEBHOOK_SECRET_ID", withoutSecret, secretPattern, "must be the name or ARN of a secret in Secrets Manager")
	if err := e.err(); err != nil {
		return webhookConfig{}, err
	}
	return c, nil
}
